#pragma once
// The members of a configuration as one list, which its writer, its reader, its flags and its tests walk:
//
//     struct Schedule {
//       std::string kind = "constant";
//       double gamma = 0.0;
//       static constexpr auto fields = std::tuple(Field{"schedule", &Schedule::kind}, Field{"gamma",
//       &Schedule::gamma});
//     };
//     static_assert(kListsEveryMember<Schedule>);
//
// The assertion fails for a member that was added and not listed, so that no walk can forget it. A member
// that has fields itself is walked in its place; its own name counts for nothing, so names must differ in the
// whole.

#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>

namespace weft {

template <typename Config, typename T>
struct Field {
  std::string_view name;
  T Config::* member;
};

/// A struct with `fields`.
template <typename T>
concept Listed = requires { std::tuple_size<std::remove_cvref_t<decltype(T::fields)>>::value; };

/// Calls visit(name, member of each config) for every field that is not a struct with fields, in their order.
/// All configs have one type; each may be const.
template <typename Visit, typename First, typename... Others>
  requires Listed<std::remove_const_t<First>>
void for_each_field(Visit&& visit, First& first, Others&... others) {
  const auto one = [&](const auto& field) {
    using Member = std::remove_cvref_t<decltype(first.*field.member)>;
    if constexpr (Listed<Member>) {
      for_each_field(visit, first.*field.member, (others.*field.member)...);
    } else {
      visit(field.name, first.*field.member, (others.*field.member)...);
    }
  };
  std::apply([&](const auto&... field) { (one(field), ...); }, std::remove_const_t<First>::fields);
}

namespace detail {

// Stand for an initializer of whatever type a member has. They are two, because a class such as std::optional
// would take a number both as itself and as its value.
struct AnyClass {
  template <typename T>
    requires std::is_class_v<T>
  operator T() const;
};
struct AnyScalar {
  template <typename T>
    requires(!std::is_class_v<T>)
  operator T() const;
};

/// How many members the aggregate T has.
template <typename T, typename... Known>
consteval std::size_t member_count() {
  if constexpr (requires { T{Known{}..., AnyClass{}}; }) {
    return member_count<T, Known..., AnyClass>();
  } else if constexpr (requires { T{Known{}..., AnyScalar{}}; }) {
    return member_count<T, Known..., AnyScalar>();
  } else {
    return sizeof...(Known);
  }
}

}  // namespace detail

template <Listed T>
inline constexpr bool kListsEveryMember =
    std::tuple_size_v<std::remove_cvref_t<decltype(T::fields)>> == detail::member_count<T>();

}  // namespace weft
