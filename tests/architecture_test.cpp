// The build's arrows, held as a test: which folder may include which, that no two rooms need each other,
// where the two big libraries may be named, and how large a file and a folder's README may grow. Each rule is
// a pure function over (path, text) and is tried on small made-up sources before it is put to the real ones.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::ptrdiff_t kMostLines = 600;
constexpr std::ptrdiff_t kMostReadmeLines = 60;

struct Source {
  std::string path;  // below the source directory: "graph/shape.h"
  std::string text;
};

struct Include {
  std::string name;  // what stands between the delimiters
  bool quoted;       // "name" or <name>
};

using Complaints = std::vector<std::string>;

struct Room {
  std::string_view folder;
  std::vector<std::string_view> may_include;
};

// graph <- ops <- { autodiff, runtime } <- frontends; tests and bench see everything.
const std::vector<Room>& rooms() {
  static const std::vector<Room> all = {
      {"graph", {"graph"}},
      {"ops", {"graph", "ops"}},
      {"autodiff", {"graph", "ops", "autodiff"}},
      {"runtime", {"graph", "ops", "runtime"}},
      {"frontends", {"graph", "ops", "autodiff", "runtime", "frontends"}},
      {"tests", {"graph", "ops", "autodiff", "runtime", "frontends", "tests", "bench"}},
      {"bench", {"graph", "ops", "autodiff", "runtime", "frontends", "tests", "bench"}},
  };
  return all;
}

std::string_view first_folder(std::string_view path) {
  const auto slash = path.find('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

bool starts_with_any(std::string_view text, std::span<const std::string_view> prefixes) {
  return std::ranges::any_of(prefixes, [&](std::string_view prefix) { return text.starts_with(prefix); });
}

/// The include that a line makes, if it makes one.
std::optional<Include> parse_include(std::string_view line) {
  const auto skip_space = [&] { line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size())); };
  const auto skip = [&](std::string_view word) {
    skip_space();
    const bool found = line.starts_with(word);
    if (found) line.remove_prefix(word.size());
    return found;
  };
  if (!skip("#") || !skip("include")) return std::nullopt;
  skip_space();
  if (line.empty() || (line.front() != '"' && line.front() != '<')) return std::nullopt;
  const bool quoted = line.front() == '"';
  const auto end = line.find(quoted ? '"' : '>', 1);
  if (end == std::string_view::npos) return std::nullopt;
  return Include{std::string(line.substr(1, end - 1)), quoted};
}

std::vector<Include> includes_of(const std::string& text) {
  std::vector<Include> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (auto include = parse_include(line)) found.push_back(*std::move(include));
  }
  return found;
}

/// Whether `path` may see the umbrella header: only those that use weft as a user does.
bool may_include_umbrella(std::string_view path) {
  static constexpr std::array<std::string_view, 3> kUsers = {"tests/", "bench/", "frontends/examples/"};
  return starts_with_any(path, kUsers);
}

/// What is wrong with a project include of the file at `path`; empty when nothing is.
std::string project_complaint(std::string_view path, const Include& include) {
  if (!include.quoted) return "is a project include and belongs in quotes";
  if (!include.name.starts_with("weft/")) return "is not written \"weft/<folder>/...\"";
  if (include.name == "weft/weft.h") {
    return may_include_umbrella(path) ? "" : "is the umbrella header, which is for users";
  }
  const std::string_view target = first_folder(std::string_view(include.name).substr(5));
  if (target.empty()) return "names no folder";
  if (first_folder(path).empty()) return "";  // weft.h itself gathers everything
  const auto room = std::ranges::find(rooms(), first_folder(path), &Room::folder);
  if (room == rooms().end()) return "stands in an unknown folder";
  const bool allowed = std::ranges::find(room->may_include, target) != room->may_include.end();
  return allowed ? "" : "goes against the arrows";
}

/// The same for a header of oneDNN or Boost.Graph.
std::string library_complaint(std::string_view path, std::string_view header) {
  static constexpr std::array<std::string_view, 3> kDnnlHeaders = {"dnnl.", "dnnl_", "oneapi/dnnl/"};
  static constexpr std::array<std::string_view, 3> kDnnlPlaces = {"runtime/machine/onednn",
                                                                  "runtime/kernels/", "bench/"};
  static constexpr std::array<std::string_view, 1> kGraphPlaces = {"graph/topology."};
  if (starts_with_any(header, kDnnlHeaders) && !starts_with_any(path, kDnnlPlaces)) {
    return "names oneDNN outside of runtime/machine/onednn*, runtime/kernels/ and bench/";
  }
  if (header.starts_with("boost/graph/") && !starts_with_any(path, kGraphPlaces)) {
    return "names Boost.Graph outside of graph/topology.*";
  }
  return "";
}

Complaints include_complaints(const Source& source) {
  Complaints complaints;
  for (const Include& include : includes_of(source.text)) {
    const bool ours = include.quoted || include.name.starts_with("weft/");
    std::string complaint = library_complaint(source.path, include.name);
    if (complaint.empty() && ours) complaint = project_complaint(source.path, include);
    if (complaint.empty()) continue;
    complaints.push_back(source.path);
    complaints.back().append(": '").append(include.name).append("' ").append(complaint);
  }
  return complaints;
}

/// For each folder of product code: the folders whose headers its own files include.
using Arrows = std::map<std::string, std::set<std::string>>;

std::string folder_of(std::string_view path) { return std::string(path.substr(0, path.rfind('/'))); }

Arrows arrows_between_rooms(std::span<const Source> sources) {
  static constexpr std::array<std::string_view, 5> kProduct = {"graph/", "ops/", "autodiff/", "runtime/",
                                                               "frontends/"};
  Arrows arrows;
  for (const Source& source : sources) {
    if (!starts_with_any(source.path, kProduct)) continue;
    const std::string from = folder_of(source.path);
    for (const Include& include : includes_of(source.text)) {
      if (!include.name.starts_with("weft/")) continue;
      const std::string to = folder_of(std::string_view(include.name).substr(5));
      if (to != from) arrows[from].insert(to);
    }
  }
  return arrows;
}

/// The folders of a cycle of arrows, with those that lead into one; empty when there is no cycle.
std::vector<std::string> rooms_in_cycles(Arrows arrows) {
  // Folders without arrows of their own are in no cycle; take them away until none is left.
  for (bool removed = true; removed;) {
    removed = false;
    for (auto& [from, targets] : arrows) {
      std::erase_if(targets, [&](const std::string& to) { return !arrows.contains(to); });
    }
    removed = std::erase_if(arrows, [](const auto& room) { return room.second.empty(); }) > 0;
  }
  std::vector<std::string> left;
  for (const auto& [room, targets] : arrows) left.push_back(room);
  return left;
}

std::ptrdiff_t line_count(std::string_view text) {
  const auto ends = std::ranges::count(text, '\n');
  return text.empty() || text.ends_with('\n') ? ends : ends + 1;
}

Complaints length_complaints(const Source& source) {
  const bool is_readme = source.path.ends_with("README.md");
  const std::ptrdiff_t most = is_readme ? kMostReadmeLines : kMostLines;
  const std::ptrdiff_t lines = line_count(source.text);
  if (lines <= most) return {};
  return {source.path + ": " + std::to_string(lines) + " lines, of " + std::to_string(most) + " at most"};
}

/// The rooms that have no README.md among `sources`.
Complaints missing_readmes(std::span<const Source> sources) {
  Complaints missing;
  for (const Room& room : rooms()) {
    const std::string wanted = std::string(room.folder) + "/README.md";
    if (std::ranges::find(sources, wanted, &Source::path) == sources.end()) missing.push_back(wanted);
  }
  return missing;
}

/// The lines of code that a folder's README quotes and that stand nowhere in `sources`. A program of the
/// reader's own, as in the root's README, is not a quote.
Complaints stale_quotes(const Source& readme, std::span<const Source> sources) {
  Complaints stale;
  std::istringstream lines(readme.text);
  bool quoted = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      quoted = !quoted;
    } else if (quoted && !line.empty()) {
      const auto has_line = [&](const Source& source) {
        return source.path != readme.path && source.text.find(line + '\n') != std::string::npos;
      };
      if (std::ranges::none_of(sources, has_line))
        stale.push_back(readme.path + ": no source has '" + line + "'");
    }
  }
  return stale;
}

/// The ops of the list `BuiltinOps = std::tuple<A, B>` whose models every file that makes one would compile.
Complaints models_compiled_often(std::string_view list, const std::vector<Source>& sources) {
  const std::regex op(R"((\w+)(?=,|>;))");
  const auto declared = [&](const std::string& name) {
    const std::string line = "\nextern template detail::Model detail::model_of(" + name + ");";
    return std::ranges::any_of(
        sources, [&](const Source& source) { return source.text.find(line) != std::string::npos; });
  };
  Complaints complaints;
  const auto start = list.find("std::tuple<");
  const std::string ops(list.substr(start, list.find(">;", start) + 2 - start));
  for (auto word = std::sregex_iterator(ops.begin(), ops.end(), op); word != std::sregex_iterator(); ++word) {
    const std::string name = word->str(1);
    if (!declared(name)) complaints.push_back(name + ": no header declares its model as extern template");
  }
  return complaints;
}

bool is_code(const fs::path& path) { return path.extension() == ".h" || path.extension() == ".cpp"; }

bool is_source(const fs::path& path) {
  return is_code(path) || path.extension() == ".md" || path.extension() == ".cmake" ||
         path.filename() == "CMakeLists.txt";
}

Source read_source(const fs::path& root, const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return {path.lexically_relative(root).generic_string(), std::move(text)};
}

/// The sources of the seven rooms, and the umbrella header.
std::vector<Source> read_project(const fs::path& root) {
  std::vector<Source> sources;
  for (const Room& room : rooms()) {
    for (const auto& entry : fs::recursive_directory_iterator(root / room.folder)) {
      if (entry.is_regular_file() && is_source(entry.path())) {
        sources.push_back(read_source(root, entry.path()));
      }
    }
  }
  if (fs::exists(root / "weft.h")) sources.push_back(read_source(root, root / "weft.h"));
  return sources;
}

const std::vector<Source>& project() {
  static const std::vector<Source> sources = read_project(WEFT_SOURCE_DIR);
  return sources;
}

/// One made-up include in a file at `path`.
Complaints including(std::string_view path, std::string_view directive) {
  return include_complaints({std::string(path), std::string("#include ").append(directive).append("\n")});
}

TEST(ArchitectureRules, FollowTheArrows) {
  EXPECT_THAT(including("ops/matmul.cpp", R"("weft/graph/shape.h")"), IsEmpty());
  EXPECT_THAT(including("autodiff/gradients.cpp", R"("weft/ops/matmul.h")"), IsEmpty());
  EXPECT_THAT(including("runtime/kernels/products/matmul.cpp", R"("weft/runtime/machine/onednn.h")"),
              IsEmpty());
  EXPECT_THAT(including("frontends/train.cpp", R"("weft/runtime/session.h")"), IsEmpty());
  EXPECT_THAT(including("tests/ops/matmul_test.cpp", R"("weft/bench/reference_loop.h")"), IsEmpty());
  EXPECT_THAT(including("weft.h", R"("weft/frontends/train.h")"), IsEmpty());
}

TEST(ArchitectureRules, RejectIncludesAgainstTheArrows) {
  EXPECT_THAT(including("graph/shape.h", R"("weft/ops/matmul.h")"),
              ElementsAre("graph/shape.h: 'weft/ops/matmul.h' goes against the arrows"));
  EXPECT_THAT(including("ops/matmul.cpp", R"("weft/autodiff/gradients.h")"), SizeIs(1));
  EXPECT_THAT(including("ops/matmul.cpp", R"("weft/runtime/session.h")"), SizeIs(1));
  EXPECT_THAT(including("runtime/run/plan.cpp", R"("weft/frontends/train.h")"), SizeIs(1));
  EXPECT_THAT(including("frontends/train.cpp", R"("weft/tests/support/guarded.h")"), SizeIs(1));
  EXPECT_THAT(including("frontends/train.cpp", R"("weft/bench/peers/eigen.h")"), SizeIs(1));
}

TEST(ArchitectureRules, KeepTheSiblingsApart) {
  EXPECT_THAT(including("autodiff/gradients.cpp", R"("weft/runtime/session.h")"), SizeIs(1));
  EXPECT_THAT(including("runtime/compile/compile.cpp", R"("weft/autodiff/gradients.h")"), SizeIs(1));
}

TEST(ArchitectureRules, RejectOtherWaysToWriteAProjectInclude) {
  EXPECT_THAT(including("ops/matmul.cpp", R"("matmul.h")"), ElementsAre(HasSubstr("is not written")));
  EXPECT_THAT(including("ops/matmul.cpp", R"("../graph/shape.h")"), ElementsAre(HasSubstr("is not written")));
  EXPECT_THAT(including("ops/matmul.cpp", R"("weft/shape.h")"), ElementsAre(HasSubstr("names no folder")));
  EXPECT_THAT(including("ops/matmul.cpp", "<weft/graph/shape.h>"), ElementsAre(HasSubstr("in quotes")));
}

TEST(ArchitectureRules, LeaveTheUmbrellaHeaderToUsers) {
  EXPECT_THAT(including("frontends/examples/first_graph.cpp", R"("weft/weft.h")"), IsEmpty());
  EXPECT_THAT(including("tests/install/main.cpp", R"("weft/weft.h")"), IsEmpty());
  EXPECT_THAT(including("frontends/train.cpp", R"("weft/weft.h")"), SizeIs(1));
  EXPECT_THAT(including("ops/matmul.cpp", R"("weft/weft.h")"), SizeIs(1));
}

TEST(ArchitectureRules, KeepLibrariesInTheirPlaces) {
  EXPECT_THAT(including("runtime/machine/onednn.h", "<dnnl.hpp>"), IsEmpty());
  EXPECT_THAT(including("runtime/kernels/products/matmul.cpp", "<oneapi/dnnl/dnnl.hpp>"), IsEmpty());
  EXPECT_THAT(including("runtime/machine/onednn_conv.cpp", "<oneapi/dnnl/dnnl.hpp>"), IsEmpty());
  EXPECT_THAT(including("bench/peers/dnnl.cpp", "<dnnl.h>"), IsEmpty());
  EXPECT_THAT(including("runtime/session.cpp", "<dnnl.hpp>"), SizeIs(1));
  EXPECT_THAT(including("tests/runtime/machine/onednn_test.cpp", "<oneapi/dnnl/dnnl.hpp>"), SizeIs(1));
  EXPECT_THAT(including("graph/topology.cpp", "<boost/graph/adjacency_list.hpp>"), IsEmpty());
  EXPECT_THAT(including("graph/verify.cpp", "<boost/graph/adjacency_list.hpp>"), SizeIs(1));
  EXPECT_THAT(including("bench/step.cpp", "<boost/graph/graphviz.hpp>"), SizeIs(1));
}

TEST(ArchitectureRules, SeeIncludesHoweverTheyAreSpaced) {
  EXPECT_THAT(include_complaints({"graph/a.h", "  #  include\t\"weft/ops/b.h\"  // why\n"}), SizeIs(1));
  EXPECT_THAT(include_complaints({"graph/a.h", "int x;\r\n#include\"weft/ops/b.h\""}), SizeIs(1));
  EXPECT_THAT(include_complaints({"graph/a.h", "// #include \"weft/ops/b.h\"\n#includes\n#"}), IsEmpty());
}

TEST(ArchitectureRules, SeeRoomsThatNeedEachOther) {
  const std::vector<Source> sources = {
      {"runtime/run/a.cpp", "#include \"weft/runtime/compile/b.h\"\n#include \"weft/graph/c.h\"\n"},
      {"runtime/compile/b.cpp", "#include \"weft/runtime/kernels/d.h\"\n"},
      {"runtime/kernels/d.h", "#include \"weft/graph/c.h\"\n"}};
  EXPECT_THAT(rooms_in_cycles(arrows_between_rooms(sources)), IsEmpty());
  std::vector<Source> round = sources;
  round.push_back({"runtime/kernels/e.cpp", "#include \"weft/runtime/run/a.h\"\n"});
  EXPECT_THAT(rooms_in_cycles(arrows_between_rooms(round)),
              ElementsAre("runtime/compile", "runtime/kernels", "runtime/run"));
}

TEST(ArchitectureRules, LimitTheLengthOfFiles) {
  const std::string lines(static_cast<std::size_t>(kMostLines), '\n');
  EXPECT_THAT(length_complaints({"ops/long.cpp", lines}), IsEmpty());
  EXPECT_THAT(length_complaints({"ops/long.cpp", lines + "int x;"}),
              ElementsAre("ops/long.cpp: 601 lines, of 600 at most"));
  EXPECT_THAT(length_complaints({"ops/README.md", lines}), SizeIs(1));
}

TEST(ArchitectureRules, AskEveryRoomForAReadme) {
  const std::vector<Source> sources = {{"graph/README.md", ""}, {"ops/README.md", ""}, {"README.md", ""}};
  EXPECT_THAT(missing_readmes(sources),
              ElementsAre("autodiff/README.md", "runtime/README.md", "frontends/README.md", "tests/README.md",
                          "bench/README.md"));
}

TEST(ArchitectureRules, SeeQuotesThatTheCodeLeftBehind) {
  const Source readme{"ops/README.md", "text\n```cpp\n  int x;\n\nint y;\n```\nint z;\n"};
  const std::vector<Source> sources = {readme, {"ops/a.h", "struct A {\n  int x;\n};\n"}};
  EXPECT_THAT(stale_quotes(readme, sources), ElementsAre("ops/README.md: no source has 'int y;'"));
}

TEST(ArchitectureRules, SeeModelsThatEveryFileCompiles) {
  const std::vector<Source> sources = {
      {"ops/a.h", "\nextern template detail::Model detail::model_of(Add);\n"}};
  EXPECT_THAT(models_compiled_often("using BuiltinOps = std::tuple<  //\n    Add, Sub>;", sources),
              ElementsAre("Sub: no header declares its model as extern template"));
}

TEST(Architecture, HasCodeInEveryRoom) {
  for (const Room& room : rooms()) {
    const auto in_room = [&](const Source& source) {
      return first_folder(source.path) == room.folder && is_code(source.path);
    };
    EXPECT_TRUE(std::ranges::any_of(project(), in_room)) << "no code was found in " << room.folder << '/';
  }
}

TEST(Architecture, IncludesFollowTheArrows) {
  for (const Source& source : project()) {
    if (!is_code(source.path)) continue;
    EXPECT_THAT(include_complaints(source), IsEmpty());
  }
}

TEST(Architecture, NoTwoRoomsNeedEachOther) {
  EXPECT_THAT(rooms_in_cycles(arrows_between_rooms(project())), IsEmpty());
}

TEST(Architecture, FilesStayShort) {
  for (const Source& source : project()) EXPECT_THAT(length_complaints(source), IsEmpty());
}

TEST(Architecture, ReadmesQuoteTheCodeAsItIs) {
  for (const Source& source : project()) {
    if (!source.path.ends_with("/README.md")) continue;
    EXPECT_THAT(stale_quotes(source, project()), IsEmpty());
  }
}

TEST(Architecture, ModelsOfBuiltinOpsAreCompiledOnce) {
  const auto list = std::ranges::find(project(), std::string("ops/builtin.h"), &Source::path);
  ASSERT_NE(list, project().end());
  EXPECT_THAT(models_compiled_often(list->text, project()), IsEmpty());
}

TEST(Architecture, EveryRoomHasAReadme) { EXPECT_THAT(missing_readmes(project()), IsEmpty()); }

}  // namespace
