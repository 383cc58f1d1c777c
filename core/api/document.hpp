// What a wire document looks like, as JSON Schema, said beside the code that encodes it.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace skep::api {

/// A schema by the name that routes give it. It refers to others as "#/components/schemas/NAME".
struct Document {
  std::string name;
  std::string schema;
};
using Documents = std::vector<Document>;

/// Schemas as JSON text. Objects say how strict they are: what we answer may grow, so a client
/// ignores members that it does not know; what we are sent may not have them.
namespace shape {

inline constexpr std::string_view kAny = "{}";
inline constexpr std::string_view kText = R"({"type":"string"})";
inline constexpr std::string_view kTextOrNull = R"({"type":["string","null"]})";
inline constexpr std::string_view kInt = R"({"type":"integer"})";
inline constexpr std::string_view kIntegerOrNull = R"({"type":["integer","null"]})";
inline constexpr std::string_view kReal = R"({"type":"number"})";
inline constexpr std::string_view kNumberOrNull = R"({"type":["number","null"]})";
inline constexpr std::string_view kBool = R"({"type":"boolean"})";
inline constexpr std::string_view kNothing = R"({"type":"null"})";
inline constexpr std::string_view kTime = R"({"type":"string","format":"date-time"})";
inline constexpr std::string_view kTimeOrNull =
    R"({"type":["string","null"],"format":"date-time"})";
inline constexpr std::string_view kTexts = R"({"type":"array","items":{"type":"string"}})";
inline constexpr std::string_view kAnyObject = R"({"type":"object","additionalProperties":true})";
inline constexpr std::string_view kObjectOrNull =
    R"({"type":["object","null"],"additionalProperties":true})";

using Names = std::initializer_list<std::string_view>;
struct Member {
  std::string_view name;
  std::string schema;

  Member(std::string_view n, std::string_view s) : name(n), schema(s) {}
};
using Members = std::vector<Member>;

/// An object that always has all of `members`, but for those in `optional`.
std::string answer(const Members& members, Names optional = {});
/// An object that has those in `required`, may have the other `members`, and nothing else.
std::string request(const Members& members, Names required);
/// An object within a request: may have any of `members`, and others.
std::string part(const Members& members);
std::string array(std::string_view items);
/// An object of any names, each with a value of that schema.
std::string map(std::string_view values);
std::string ref(std::string_view name);
/// One of these texts.
std::string word(Names words);
/// Just one of these schemas.
std::string either(const std::vector<std::string>& schemas);
/// `schema`, an object with members, with a description.
std::string told(std::string_view schema, std::string_view description);
/// {"items":[..]}
std::string items(std::string_view name);
/// {"items":[..],"next_cursor":".."|null}
std::string page(std::string_view name);

}  // namespace shape
}  // namespace skep::api
