// What a schema no longer accepts of what a former one did.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "core/api/schema.hpp"
#include "core/base/json.hpp"

namespace skep::api {
namespace {

Schema compiled(const std::string& text) {
  auto schema = Schema::compile(text);
  EXPECT_TRUE(schema) << text << ": " << schema.error().message;
  return schema ? *schema : *Schema::compile("{}");
}

/// "pointer message", one a line; "" when everything is still accepted.
std::string changes(const std::string& former, const std::string& now) {
  std::string out;
  for (const SchemaProblem& p : compiled(now).changes_since(compiled(former)))
    out += (out.empty() ? "" : "\n") + p.pointer + " " + p.message;
  return out;
}

/// The same of a member "x" of an object.
std::string of_member(const std::string& former, const std::string& now) {
  const auto object = [](const std::string& x) { return R"({"properties":{"x":)" + x + "}}"; };
  return changes(object(former), object(now));
}

bool takes(const std::string& schema, const std::string& document) {
  auto value = parse_json(document);
  EXPECT_TRUE(value) << document;
  return compiled(schema).apply(*value).empty();
}

TEST(SchemaChanges, what_is_wider_is_no_change) {
  EXPECT_EQ(changes("{}", "{}"), "");
  EXPECT_EQ(changes(R"({"type":"object"})", "{}"), "");
  EXPECT_EQ(changes(R"({"properties":{"a":{}}})", R"({"properties":{"b":{},"a":{}}})"), "");
  EXPECT_EQ(changes(R"({"properties":{"a":{}},"required":["a"]})", R"({"properties":{"a":{}}})"),
            "");
  EXPECT_EQ(of_member(R"({"type":"integer"})", R"({"type":"number"})"), "");
  EXPECT_EQ(of_member(R"({"type":"string"})", R"({"type":["string","null"]})"), "");
  EXPECT_EQ(of_member(R"({"enum":["a"]})", R"({"enum":["b","a"]})"), "");
  EXPECT_EQ(of_member(R"({"enum":["a"]})", R"({"type":"string","maxLength":1})"), "");
  EXPECT_EQ(of_member(R"({"type":"integer","minimum":2})", R"({"type":"integer","minimum":1})"),
            "");
  EXPECT_EQ(of_member(R"({"description":"old"})", R"({"description":"new"})"), "");
  EXPECT_EQ(of_member(R"({"type":"array","items":{"type":"integer"}})", R"({"type":"array"})"), "");
}

TEST(SchemaChanges, name_what_is_narrower) {
  EXPECT_EQ(changes(R"({"properties":{"a":{}}})", R"({"properties":{"b":{}},"required":["b"]})"),
            "/a was removed\n/b is required now");
  EXPECT_EQ(of_member(R"({"type":"number"})", R"({"type":"integer"})"),
            "/x must be an integer now");
  EXPECT_EQ(of_member("{}", R"({"type":"string"})"), "/x must be a string now");
  EXPECT_EQ(of_member(R"({"enum":["a","b","c"]})", R"({"enum":["b"]})"),
            R"(/x no longer takes "a", "c")");
  EXPECT_EQ(of_member(R"({"type":"string"})", R"({"type":"string","enum":["b"]})"),
            R"(/x takes only some values now: "b")");
  EXPECT_EQ(of_member(R"({"type":"integer","minimum":1})", R"({"type":"integer","minimum":2})"),
            "/x is at least 2 now");
  EXPECT_EQ(of_member(R"({"type":"number"})", R"({"type":"number","maximum":1.5})"),
            "/x is at most 1.5 now");
  EXPECT_EQ(of_member(R"({"type":"string"})", R"({"type":"string","minLength":1,"pattern":"^a"})"),
            "/x its least length is 1 now\n/x must match ^a now");
  EXPECT_EQ(of_member(R"({"type":"array"})", R"({"type":"array","maxItems":3})"),
            "/x its greatest number of elements is 3 now");
  EXPECT_EQ(of_member(R"({"type":"array"})", R"({"type":"array","items":{"type":"integer"}})"),
            "/x/* must be an integer now");
  EXPECT_EQ(of_member(R"({"properties":{"y":{"type":"string"}}})",
                      R"({"properties":{"y":{"type":"boolean"}}})"),
            "/x/y must be true or false now");
}

TEST(SchemaChanges, a_default_stands_in_for_a_member) {
  const std::string required = R"({"properties":{"a":{"type":"integer"}},"required":["a"]})";
  const std::string filled =
      R"({"properties":{"a":{"type":"integer","default":1}},"required":["a"]})";
  EXPECT_EQ(changes(R"({"properties":{"a":{"type":"integer"}}})", filled), "");
  EXPECT_EQ(changes(required, filled), "");
  EXPECT_EQ(changes(filled, required), "/a is required now");
}

TEST(SchemaChanges, members_without_a_name_count) {
  const std::string open = R"({"properties":{"a":{}},"additionalProperties":true})";
  EXPECT_EQ(changes(open, R"({"properties":{"a":{}}})"),
            " takes no members beyond those it names now");
  EXPECT_EQ(changes(open, R"({"properties":{"a":{},"b":{"type":"integer"}},)"
                          R"("additionalProperties":true})"),
            "/b must be an integer now");
  EXPECT_EQ(changes(open, R"({"properties":{"a":{}},"additionalProperties":{"type":"string"}})"),
            "/* must be a string now");
  EXPECT_EQ(changes(R"({"properties":{"b":{}}})", open), "");
  const std::string one = R"({"properties":{"a":{},"b":{}})";
  EXPECT_EQ(changes(one + "}", one + R"(,"oneOf":[{"required":["a"]},{"required":["b"]}]})"),
            R"( must have exactly one of "a", "b" now)");
  const std::string rule = R"(},"oneOf":[{"required":["a"]},{"required":["b"]}]})";
  const std::string plain = R"({"properties":{"a":{"type":"string"},"b":{})" + rule;
  const std::string filled = R"({"properties":{"a":{"type":"string","default":"x"},"b":{})" + rule;
  EXPECT_FALSE(takes(filled, R"({"b":1})"));
  EXPECT_EQ(changes(plain, filled), R"( must have exactly one of "a", "b" now)");
  EXPECT_EQ(changes(filled, plain), R"( must have exactly one of "a", "b" now)");
}

TEST(SchemaChanges, of_many_values_are_found_by_value_and_listed_in_part) {
  std::string former;
  std::string now;
  for (int i = 0; i < 1'000; ++i) {
    former += (i > 0 ? "," : "") + std::to_string(i);
    now += (i > 0 ? "," : "") + std::to_string(i + 500) + ".0";
  }
  const std::string said = of_member(R"({"enum":[)" + former + "]}", R"({"enum":[)" + now + "]}");
  EXPECT_EQ(said, "/x no longer takes 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 488 more");
}

/// Whatever is not listed as a change is none: every document that the former one takes is taken.
TEST(SchemaChanges, miss_nothing) {
  const std::vector<std::string> members{
      "{}",
      R"({"type":"integer"})",
      R"({"type":"number","minimum":1})",
      R"({"type":["integer","null"],"maximum":2})",
      R"({"type":"string","maxLength":2})",
      R"({"type":"string","pattern":"a"})",
      R"({"enum":["a",1]})",
      R"({"const":"ab"})",
      R"({"type":"array","items":{"type":"integer"},"maxItems":1})",
      R"({"type":"object","properties":{"y":{"type":"integer"}}})",
      R"({"type":"object","additionalProperties":{"type":"string"}})",
      R"({"type":"integer","default":1})"};
  const std::vector<std::string> rests{"", R"(,"required":["x"])",
                                       R"(,"additionalProperties":true)"};
  std::vector<std::string> schemas{"{}", R"({"type":"object"})"};
  for (const std::string& member : members)
    for (const std::string& rest : rests)
      schemas.push_back(R"({"properties":{"x":)" + member + "}" + rest + "}");
  std::vector<std::string> documents{"{}", R"({"z":1})"};
  for (const char* x : {"0", "1", "1.5", "3", "null", R"("")", R"("a")", R"("ab")", R"("abc")",
                        "[]", "[1]", R"(["a"])", "[1,2]", "{}", R"({"y":1})", R"({"y":"a"})"})
    documents.push_back(std::string(R"({"x":)") + x + "}");
  int same = 0;
  for (const std::string& former : schemas)
    for (const std::string& now : schemas) {
      if (!changes(former, now).empty()) continue;
      ++same;
      for (const std::string& document : documents)
        EXPECT_TRUE(!takes(former, document) || takes(now, document))
            << former << " takes " << document << ", but not " << now;
    }
  EXPECT_GT(same, static_cast<int>(2 * schemas.size()));
}

}  // namespace
}  // namespace skep::api
