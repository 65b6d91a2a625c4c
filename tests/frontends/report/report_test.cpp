// Text that leaves the program: every writer keeps data data.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "weft/frontends/mnist/study/output.h"
#include "weft/frontends/mnist/study/report.h"
#include "weft/frontends/mnist/study/wording.h"
#include "weft/frontends/report/csv.h"
#include "weft/frontends/report/file_name.h"
#include "weft/frontends/report/gnuplot.h"
#include "weft/frontends/report/html.h"
#include "weft/frontends/report/process.h"
#include "weft/graph/text.h"
#include "weft/runtime/files/json_text.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/hostile_names.h"
#include "weft/tests/support/temporary_folder.h"

namespace weft::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing_support::expect_error;
using testing_support::hostile_names;
using testing_support::TemporaryFolder;

std::string file_content(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// The fields of one line, as RFC 4180 reads them.
std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields{""};
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"') {
      fields.back() += line[i++];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

TEST(Csv, KeepsATextInItsFieldAndItsLine) {
  for (const std::string& name : hostile_names()) {
    const std::string line = csv_line({"1", csv_text(name), "2"});
    ASSERT_EQ(line.find('\n'), line.size() - 1) << printable(name);
    const auto fields = fields_of(line.substr(0, line.size() - 1));
    ASSERT_EQ(fields.size(), 3U) << printable(name);
    EXPECT_THAT(fields[1], ::testing::EndsWith(printable(name)));
    EXPECT_EQ(printable(line.substr(0, line.size() - 1)), line.substr(0, line.size() - 1));
  }
}

TEST(Csv, GivesASpreadsheetNoFormula) {
  for (const char* const formula : {"=1+1", "+1", "-1", "@SUM(1)", " =1", "=HYPERLINK(\"http://x\",\"y\")"}) {
    EXPECT_EQ(fields_of(csv_text(formula))[0], std::string("'") + formula);
  }
  // What a spreadsheet would cut off before the formula is text by now.
  for (const char* const formula : {"\t=1", "\r=1", "\n=1"}) EXPECT_EQ(csv_text(formula)[0], '\\');
  EXPECT_EQ(csv_text("784-100-10 relu"), "784-100-10 relu");
}

TEST(Csv, LeavesOutNumbersThatAreNone) {
  EXPECT_EQ(csv_number(-0.5), "-0.5");
  EXPECT_EQ(csv_number(std::numeric_limits<double>::quiet_NaN()), "");
  EXPECT_EQ(csv_number(std::numeric_limits<double>::infinity()), "");
}

TEST(Json, IsAsciiAndReadsBackWhateverTheNames) {
  for (const std::string& name : hostile_names()) {
    const std::string text = json_text({{name, name}});
    EXPECT_EQ(printable(text), text);
    const auto json = nlohmann::json::parse(text);
    ASSERT_EQ(json.size(), 1U);
    if (printable(name) == name) {
      EXPECT_EQ(json.begin().value(), name);
    }
  }
}

TEST(Html, KeepsATextText) {
  for (const std::string& name : hostile_names()) {
    const std::string html = Html(name).str();
    EXPECT_EQ(html.find_first_of("<>\"'"), std::string::npos) << html;
    EXPECT_EQ(printable(html), html);
    const std::string all =
        page(name, heading(name) + paragraph(name) + bullets({name}) + picture("image/png", "", name) +
                       html_of({.head = {name}, .rows = {{name, bold(name)}}}));
    EXPECT_THAT(all, Not(HasSubstr("<script")));
    EXPECT_THAT(all, Not(HasSubstr("<img src=x")));
  }
  EXPECT_EQ(Html("a<b & \"c\" 'd'").str(), "a&lt;b &amp; &quot;c&quot; &#39;d&#39;");
}

TEST(Html, LetsAPageRunAndFetchNothing) { EXPECT_THAT(page("t", "b"), HasSubstr("default-src 'none'")); }

TEST(Html, PacksFiles) {
  EXPECT_EQ(data_address("text/plain", "foob"), "data:text/plain;base64,Zm9vYg==");
  EXPECT_EQ(data_address("text/plain", "fooba"), "data:text/plain;base64,Zm9vYmE=");
  EXPECT_EQ(data_address("text/plain", "foobar"), "data:text/plain;base64,Zm9vYmFy");
}

TEST(FileName, IsSafeAndOfItsTextAlone) {
  std::set<std::string> names;
  for (const std::string& text : hostile_names()) {
    const std::string name = file_name_from(text);
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_LE(name.size(), 60U);
    ASSERT_FALSE(name.empty());
    EXPECT_NE(std::isalnum(static_cast<unsigned char>(name[0])), 0) << name;
    EXPECT_EQ(name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"),
              std::string::npos)
        << name;
    EXPECT_EQ(file_name_from(name), name);
  }
  EXPECT_EQ(file_name_from("norms-caffe-tanh-gradients"), "norms-caffe-tanh-gradients");
  EXPECT_NE(file_name_from("a/b"), file_name_from("a?b"));
}

/// Whether gnuplot's commands have a quote that does not end on its line: then text could become a command.
bool quotes_end(const std::string& commands) {
  bool single = false;
  bool twice = false;
  for (const char c : commands) {
    if (c == '\'' && !twice) single = !single;
    if (c == '"' && !single) twice = !twice;
    if (c == '\n' && (single || twice)) return false;
  }
  return !single && !twice;
}

/// Charts of every kind with a text wherever one can stand.
std::vector<Script> charts_of(const std::string& text) {
  const LineChart lines{.title = text,
                        .x_label = text,
                        .y_label = text,
                        .x_ticks = {{1.0, text}},
                        .from_zero = true,
                        .logarithmic = false,
                        .lines = {{.title = text, .style = 0, .points = {{.x = 1.0, .y = 1.0}}},
                                  {.title = text,
                                   .style = 0,
                                   .points = {{.x = 1.0, .y = 2.0, .low = 1.5, .high = 3.0}},
                                   .reference = true}}};
  const BarChart bars{.title = text, .y_label = text, .bars = {{.label = text, .value = 1.0, .style = 0}}};
  const ImageChart image{.title = text,
                         .x_label = text,
                         .y_label = text,
                         .columns = 2,
                         .values = {0.0, 1.0, 1.0, 0.5},
                         .texts = {{.column = 0.0, .row = 0.0, .text = text}},
                         .ticks = {text, text}};
  const Diagram diagram{.title = text,
                        .circles = {{.x = 0.0, .y = 0.0}, {.x = 1.0, .y = 1.0}},
                        .lines = {{.from_x = 0.0, .from_y = 0.0, .to_x = 1.0, .to_y = 1.0}},
                        .texts = {{.x = 0.0, .y = 0.5, .text = text}}};
  return {script_of(lines), script_of(bars), script_of(image), script_of(diagram)};
}

TEST(Gnuplot, KeepsATextInItsLiteral) {
  for (const std::string& name : hostile_names()) {
    for (const Script& script : charts_of(name)) {
      EXPECT_TRUE(quotes_end(script.commands)) << script.commands;
      EXPECT_THAT(script.data, Not(HasSubstr("pwned")));
      EXPECT_LT(script.commands.size(), 5000U);
    }
  }
  EXPECT_EQ(gnuplot_text("it's `x` \"y\"\n"), "'it’s `x` \"y\"\\n'");
}

TEST(Gnuplot, RunsNothingThatStandsInAText) {
  const TemporaryFolder folder;
  if (!draw(folder.path(), "plain", charts_of("plain")[0])) GTEST_SKIP() << "gnuplot is not installed";
  int number = 0;
  for (const std::string& name : hostile_names()) {
    for (const Script& script : charts_of(name)) {
      const std::string file = "chart-" + std::to_string(number++);
      draw(folder.path(), file, script);
      const std::string svg = file_content(folder / (file + ".svg"));
      EXPECT_THAT(svg, Not(HasSubstr("<script>"))) << printable(name);
      EXPECT_THAT(svg, Not(HasSubstr("<img"))) << printable(name);
      EXPECT_THAT(svg, HasSubstr("</svg>"));
    }
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    EXPECT_THAT(entry.path().filename().string(), Not(HasSubstr("pwned")));
  }
}

TEST(Gnuplot, TakesNamesThatAreNamesOfFiles) {
  const TemporaryFolder folder;
  for (const char* const name : {"../up", "a/b", "a'b", "-f", ""}) {
    expect_error(ErrorCode::invalid_argument, {"name of its files"},
                 [&] { draw(folder.path(), name, {.commands = "", .data = ""}); });
  }
}

TEST(LineChart, HasRoomInItsLegendForEveryLine) {
  LineChart chart;
  chart.lines.resize(9, {.title = "short", .points = {{.x = 1.0, .y = 1.0}}});
  EXPECT_THAT(script_of(chart).commands, HasSubstr(" maxrows 5 "));
  const double height = aspect_of(chart);
  chart.lines[0].title = "a title that leaves no room for a second column";
  EXPECT_THAT(script_of(chart).commands, HasSubstr(" maxrows 9 "));
  EXPECT_GT(aspect_of(chart), height);
}

TEST(LineChart, NamesWholeNumbersWhereItHasFewPoints) {
  LineChart chart;
  chart.lines.resize(1);
  chart.lines[0].points.resize(3);
  EXPECT_THAT(script_of(chart).commands, HasSubstr("set xtics 1\n"));
  chart.lines[0].points.resize(100);
  EXPECT_THAT(script_of(chart).commands, Not(HasSubstr("set xtics 1\n")));
}

TEST(LineChart, PutsItsNumbersIntoAFile) {
  LineChart chart;
  chart.lines = {{.title = "a", .points = {{.x = 1.0, .y = 0.25, .low = 0.125, .high = 0.5}}},
                 {.title = "b", .points = {{.x = 2.0, .y = std::numeric_limits<double>::quiet_NaN()}}}};
  const Script script = script_of(chart);
  EXPECT_EQ(script.data, "1 0.25 0.125 0.5\n\n\n2 NaN 0 0\n\n\n");
  EXPECT_THAT(script.commands, HasSubstr("plot data index 0 using 1:2:3:4 with yerrorlines"));
}

TEST(Process, GivesEveryWordAsItIs) {
  for (const std::string& name : hostile_names()) {
    if (name.find('\0') != std::string::npos || name.size() > 10000) continue;
    const auto run = run_process({"printf", "%s|", name, "end"});
    ASSERT_TRUE(run);
    EXPECT_EQ(run->out, name + "|end|");
  }
  expect_error(ErrorCode::invalid_argument, {"zero byte"},
               [] { run_process({"printf", std::string("a\0b", 3)}); });
  expect_error(ErrorCode::invalid_argument, {"name of a program"}, [] { run_process({}); });
  EXPECT_FALSE(run_process({"no-such-program-anywhere"}));
}

TEST(Process, KeepsErrorsWhereThatIsAskedFor) {
  const std::vector<std::string> words{"ls", "/no/such/folder"};
  EXPECT_EQ(run_process(words)->out, "");
  EXPECT_THAT(run_process(words, {.errors = ErrorStream::keep_with_output})->out,
              HasSubstr("/no/such/folder"));
}

// A study of one recipe whose name and title are hostile, and one framework of such a name.
TEST(StudyWriters, KeepNamesNames) {
  const TemporaryFolder folder;
  for (const std::string& name : hostile_names()) {
    mnist::Dialect dialect;
    dialect.name = name;
    dialect.title = name;
    std::vector<mnist::Record> records(2);
    records[0].key = {.kind = "dialect", .series = name, .configuration = "784-100-10 tanh", .recipe = name};
    records[1].key = {
        .kind = "peer", .series = name + "2", .configuration = "784-100-10 tanh", .recipe = name};
    records[0].measured.diverged = name;
    const mnist::Results results(
        records, {{.kind = "dialect", .name = name, .title = recipe_on_weft(dialect)},
                  {.kind = "peer", .name = name + "2", .title = mnist::framework_itself(name)}});
    const mnist::StudyFolder out{folder.path()};
    const mnist::StudyOutcome outcome{.settings = {.dialects = {name}, .data = name},
                                      .machine = {},
                                      .dialects = {dialect},
                                      .complete = true};
    write_tables(out, outcome, results, {{.heading = name, .sentences = {name}}}, {});
    const auto lines = [&](const std::string& file) {
      const std::string text = file_content(folder / file);
      return std::count(text.begin(), text.end(), '\n');
    };
    EXPECT_EQ(lines("runs.csv"), 3) << printable(name);
    EXPECT_EQ(lines("summary.csv"), 3) << printable(name);
    EXPECT_EQ(nlohmann::json::parse(file_content(folder / "study.json")).at("results").size(), 2U);
    write_records(folder / "runs.jsonl", records);
    EXPECT_EQ(mnist::read_records(folder / "runs.jsonl").size(), 2U);
    const std::string page = report_html(out, outcome, results,
                                         {.figures = {},
                                          .findings = {{.heading = name, .sentences = {name}}},
                                          .conclusions = {},
                                          .code = {},
                                          .frameworks = {name}});
    EXPECT_THAT(page, Not(HasSubstr("<script")));
    EXPECT_THAT(page, Not(HasSubstr("<img src=x")));
  }
}

}  // namespace
}  // namespace weft::report
