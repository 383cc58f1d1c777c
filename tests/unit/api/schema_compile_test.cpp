#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>

#include "core/api/schema.hpp"
#include "core/base/json.hpp"
#include "core/base/text.hpp"

namespace skep::api {
namespace {

std::string why_not(std::string_view schema) {
  const auto compiled = Schema::compile(schema);
  if (compiled) return "compiles";
  EXPECT_EQ(compiled.error().code, Code::kInvalid);
  return compiled.error().message;
}

TEST(SchemaCompile, takes_every_documented_keyword) {
  EXPECT_EQ(why_not(R"({
    "type": "object", "description": "d", "required": ["a"], "additionalProperties": {"type": "null"},
    "x-reload": "hot", "oneOf": [{"required": ["b"]}, {"required": ["c"]}], "properties": {
      "a": {"type": ["integer", "null"], "minimum": 0, "maximum": 9},
      "b": {"type": "string", "minLength": 1, "maxLength": 9, "pattern": "^x", "x-secret": true},
      "c": {"type": "array", "items": {"type": "boolean"}, "minItems": 0, "maxItems": 3},
      "d": {"enum": [1, "two", null]}, "e": {"const": {"k": [1]}}, "f": {"default": 7}, "g": {}}})"),
            "compiles");
}

TEST(SchemaCompile, keeps_the_text) {
  EXPECT_EQ(Schema::compile(R"({ "type":"null" })")->text(), R"({ "type":"null" })");
}

struct Case {
  const char* schema;
  const char* message;
};
class SchemaRefused : public testing::TestWithParam<Case> {};

TEST_P(SchemaRefused, with_the_pointer_of_what_is_wrong) {
  EXPECT_EQ(why_not(GetParam().schema), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Keywords, SchemaRefused,
    testing::Values(
        Case{"{", "schema: JSON: incomplete JSON at byte 1"},
        Case{"7", "schema: is 7 (an integer); expected an object"},
        Case{R"({"typ":"object"})", "schema /typ: unknown keyword; did you mean \"type\"?"},
        Case{R"({"properties":{"a/b":{"pattren":"x"}}})",
             "schema /properties/a~1b/pattren: unknown keyword; did you mean \"pattern\"?"},
        Case{R"({"type":"strng"})",
             "schema /type: is \"strng\" (a string); did you mean \"string\"?"},
        Case{R"({"type":[]})", "schema /type: is [] (an array); expected at least one type"},
        Case{R"({"type":"string","minimum":1})", "schema /minimum: says nothing about a string"},
        Case{R"({"items":7})", "schema /items: is 7 (an integer); expected an object"},
        Case{R"({"properties":[]})", "schema /properties: is [] (an array); expected an object"},
        Case{R"({"enum":[]})",
             "schema /enum: is [] (an array); expected a list with at least one value"},
        Case{R"({"enum":[1],"const":1})", "schema: has enum and const; keep one of them"},
        Case{R"({"minimum":"1"})", "schema /minimum: is \"1\" (a string); expected a number"},
        Case{R"({"minimum":2,"maximum":1})", "schema: minimum is greater than maximum"},
        Case{R"({"minLength":-1})",
             "schema /minLength: is -1 (an integer); expected an integer, 0 or more"},
        Case{R"({"minLength":3,"maxLength":1})", "schema: minLength is greater than maxLength"},
        Case{
            R"({"additionalProperties":"no"})",
            "schema /additionalProperties: is \"no\" (a string); expected true, false or a schema"},
        Case{R"({"type":"object","properties":{"script":{}},"required":["scrip"]})",
             "schema /required: \"scrip\" is not among the properties; did you mean \"script\"?"},
        Case{R"({"oneOf":[{"required":["a"]}]})",
             "schema /oneOf: is [{\"required\":[\"a\"]}] (an array); expected a list of at least "
             "two "
             "{\"required\": [NAME]}"},
        Case{R"({"oneOf":[{"required":["a"]},{"type":"null"}]})",
             "schema /oneOf: has {\"type\":\"null\"} (an object); expected {\"required\": [NAME]}"},
        Case{R"({"type":"object","properties":{"script":{},"b":{}},
                 "oneOf":[{"required":["scrip"]},{"required":["b"]}]})",
             "schema /oneOf: \"scrip\" is not among the properties; did you mean \"script\"?"},
        Case{R"({"required":["a",1]})", "schema /required: has 1 (an integer); expected names"},
        Case{R"({"type":"integer","default":"x"})",
             "schema /default: is \"x\" (a string); expected an integer"},
        Case{R"({"type":"object","properties":{"a":{"type":"null"}},"default":{"a":1}})",
             "schema /default/a: is 1 (an integer); expected null"},
        Case{R"({"description":1})", "schema /description: is 1 (an integer); expected a string"},
        Case{R"({"x-secret":"yes"})",
             "schema /x-secret: is \"yes\" (a string); expected true or false"},
        Case{R"({"pattern":1})",
             "schema /pattern: is 1 (an integer); expected a regular expression"}));

TEST(SchemaCompile, refuses_patterns_that_cannot_be_used) {
  for (const char* pattern : {"(", "[z-a]", "*", "(a)\\\\1", "(?=a)", "((.?){60}){30}Z"})
    EXPECT_NE(why_not("{\"pattern\":\"" + std::string(pattern) + "\"}").find("schema /pattern: "),
              std::string::npos)
        << pattern;
  EXPECT_EQ(why_not("{\"pattern\":\"" + std::string(513, 'x') + "\"}"),
            "schema /pattern: is longer than 512 bytes");
}

TEST(SchemaCompile, refuses_a_schema_nested_too_deep) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += R"({"items":)";
  EXPECT_NE(why_not(deep).find("nested deeper than 64 levels"), std::string::npos);
}

TEST(SchemaCompile, takes_the_schemas_of_the_shipped_plugins) {
  namespace fs = std::filesystem;
  int found = 0;
  for (const auto& folder : fs::directory_iterator(SKEP_SOURCE_DIR "/plugins")) {
    const auto text = read_file(folder.path() / "plugin.json");
    if (!text) continue;
    const auto manifest = parse_json(*text);
    ASSERT_TRUE(manifest) << folder.path();
    for (const auto& component : manifest->at("components").as_array())
      for (const char* name : {"config_schema", "params_schema", "schema", "params"})
        if (const auto* schema = component.as_object().if_contains(name)) {
          EXPECT_EQ(why_not(to_text(*schema)), "compiles") << folder.path() << " " << name;
          ++found;
        }
  }
  EXPECT_GT(found, 0);
}

}  // namespace
}  // namespace skep::api
