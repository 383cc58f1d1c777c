// Query parameters that several routes take, checked.
#pragma once

#include <span>
#include <string>

#include "core/net/http.hpp"

namespace skep::control {

inline constexpr net::QueryParameter kLimitParameter{
    "limit", "Most items of a page.", R"({"type":"integer","minimum":1,"maximum":200})"};
inline constexpr net::QueryParameter kCursorParameter{"cursor",
                                                      "A next_cursor of an earlier answer."};
inline constexpr net::QueryParameter kWaitParameter{
    "wait", "Seconds to hold the request until there is something to say.",
    R"({"type":"number","minimum":0,"maximum":60})"};

struct Page {
  std::int64_t after = 0;
  std::uint32_t limit = 50;
};
Result<Page> page_of(const net::HttpRequest& r);
/// "bad-query": what the parameter is, and what was expected.
Error bad_parameter(const std::string& name, const std::string& value, const std::string& expected);
/// The same of a word that is none of `known`, with the nearest.
Error bad_choice(const std::string& name, const std::string& value,
                 std::span<const std::string> known);
/// ?wait=30: seconds to hold the request, 0 to 60.
Result<Millis> wait_of(const net::HttpRequest& r);
/// ?NAME=true: false when it was not given.
Result<bool> flag_of(const net::HttpRequest& r, const std::string& name);
/// The id in the path, of a route with {id}.
inline const std::string& id_of(const net::HttpRequest& r) { return r.params.at("id"); }
/// The parameter's text, "" when it was not given.
std::string text_of(const net::HttpRequest& r, const std::string& name);

}  // namespace skep::control
