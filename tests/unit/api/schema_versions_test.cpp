// Versions of a schema: how older documents become newer ones, and what nobody is shown.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "core/api/schema.hpp"
#include "core/base/json.hpp"

namespace skep::api {
namespace {

std::string problem_of(std::string_view text) {
  const auto schema = Schema::compile(text);
  return schema ? "accepted" : schema.error().message;
}

/// `document`, of version `from`, as the newest; or why not.
std::string migrated(const std::string& steps, std::int64_t from, std::string_view document,
                     std::int64_t version = 3) {
  const auto schema =
      Schema::compile(R"({"type":"object","properties":{},"x-version":)" + std::to_string(version) +
                      R"(,"x-migrations":)" + steps + "}");
  if (!schema) return schema.error().message;
  auto value = parse_json(document);
  if (!value) return value.error().message;
  const Status done = schema->migrate(*value, from);
  return done ? to_text(*value) : done.error().message + "; " + to_text(*value);
}

TEST(SchemaVersions, go_step_by_step) {
  const std::string steps = R"([{"from":2,"drop":["b"],"default":{"d":[1],"c":9}},
                                {"from":1,"rename":{"a":"c","x":"y"}}])";
  EXPECT_EQ(migrated(steps, 1, R"({"a":1,"b":2})"), R"({"c":1,"d":[1]})");
  EXPECT_EQ(migrated(steps, 2, R"({"a":1,"b":2})"), R"({"a":1,"d":[1],"c":9})");
  EXPECT_EQ(migrated(R"([{"from":2}])", 2, R"({"a":1})"), R"({"a":1})") << "nothing to do";
}

TEST(SchemaVersions, members_change_places_at_once) {
  EXPECT_EQ(migrated(R"([{"from":2,"rename":{"a":"b","b":"a"}}])", 2, R"({"a":1,"b":2})"),
            R"({"b":1,"a":2})");
}

TEST(SchemaVersions, a_document_that_a_step_does_not_fit_stays_as_it_was) {
  EXPECT_EQ(migrated(R"([{"from":2,"rename":{"a":"b"}}])", 2, R"({"a":1,"b":2})"),
            R"(version 2 has "b" beside what becomes "b"; {"a":1,"b":2})");
  EXPECT_EQ(migrated(R"([{"from":2}])", 1, R"({"a":1})"),
            R"(no way from version 1 to version 3; {"a":1})");
  EXPECT_EQ(migrated(R"([{"from":1},{"from":2}])", 3, "{}"),
            "no way from version 3 to version 3; {}");
  EXPECT_EQ(migrated(R"([{"from":1},{"from":2}])", 0, "{}"),
            "no way from version 0 to version 3; {}");
}

TEST(SchemaVersions, are_read_strictly) {
  EXPECT_EQ(problem_of(R"({"type":"object","x-version":0})"),
            "schema /x-version: is 0 (an integer); expected an integer from 1 to 1000000");
  EXPECT_EQ(problem_of(R"({"type":"object","x-version":"2"})").find("schema /x-version: is \"2\""),
            0u);
  EXPECT_EQ(migrated("{}", 1, "{}"), "schema /x-migrations/: must be a list of at most 64 steps");
  EXPECT_EQ(migrated(R"([{"from":3}])", 1, "{}"),
            "schema /x-migrations/0/from: must be a version before 3");
  EXPECT_EQ(migrated(R"([{"from":1},{"from":1}])", 1, "{}"),
            "schema /x-migrations/1/from: repeats 1");
  EXPECT_EQ(migrated(R"([{"from":1,"rename":{"a":1}}])", 1, "{}"),
            R"(schema /x-migrations/0/rename: must be {"OLD": "NEW", ..})");
  EXPECT_EQ(migrated(R"([{"from":1,"drop":"a"}])", 1, "{}"),
            R"(schema /x-migrations/0/drop: must be ["NAME", ..])");
  EXPECT_EQ(migrated(R"([{"from":1,"default":[]}])", 1, "{}"),
            R"(schema /x-migrations/0/default: must be {"NAME": VALUE, ..})");
  EXPECT_NE(migrated(R"([{"from":1,"renmae":{}}])", 1, "{}").find("did you mean \"rename\"?"),
            std::string::npos);
  EXPECT_EQ(problem_of(R"({"type":"object","properties":{"a":{"x-version":2}}})"),
            "schema /properties/a/x-version: is for the whole schema only");
}

TEST(SchemaSecrets, are_hidden_wherever_they_are) {
  const auto schema = Schema::compile(R"({"type":"object","properties":{
    "token":{"type":"string","x-secret":true},"plain":{"type":"string"},
    "list":{"type":"array","items":{"type":"object","properties":{"key":{"x-secret":true}}}},
    "deep":{"type":"object","x-secret":true,"properties":{"a":{"type":"integer"}}},
    "map":{"type":"object","additionalProperties":{"type":"string","x-secret":true}}}})");
  ASSERT_TRUE(schema) << schema.error().message;
  EXPECT_TRUE(schema->has_secrets());
  auto value =
      parse_json(R"({"token":["not even a text"],"plain":"p","list":[{"key":1},{"other":2}],
    "deep":{"a":1},"map":{"x":"y"},"more":1})");
  ASSERT_TRUE(value);
  schema->hide_secrets(*value);
  EXPECT_EQ(to_text(*value),
            R"({"token":"***","plain":"p","list":[{"key":"***"},{"other":2}],"deep":"***",)"
            R"("map":{"x":"***"},"more":1})");
  EXPECT_FALSE(Schema::compile(R"({"type":"object","properties":{"a":{}}})")->has_secrets());
}

}  // namespace
}  // namespace skep::api
