#include "core/api/schema.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <ctime>
#include <random>

#include "core/base/json.hpp"

namespace skep::api {
namespace {

Schema compiled(std::string_view text) {
  auto schema = Schema::compile(text);
  EXPECT_TRUE(schema) << schema.error().message;
  return schema ? *schema : *Schema::compile("{}");
}

/// All problems, one a line as "pointer message"; the document as it is afterwards when none.
std::string outcome(std::string_view schema, std::string_view document) {
  auto value = parse_json(document);
  EXPECT_TRUE(value) << document;
  std::string out;
  for (const SchemaProblem& p : compiled(schema).apply(*value))
    out += (out.empty() ? "" : "\n") + p.pointer + " " + p.message;
  return out.empty() ? to_text(*value) : out;
}

constexpr std::string_view kScript = R"({"type":"object","required":["script"],"properties":{
  "script":{"type":"string","minLength":1},
  "retries":{"type":"integer","minimum":0,"maximum":10,"default":3},
  "shell":{"enum":["sh","bash"],"default":"sh"},
  "limits":{"type":"object","properties":{"cpu":{"type":"number","default":0.5},
                                          "mb":{"type":"integer"}}},
  "env":{"type":"object","additionalProperties":{"type":"string"}}}})";

TEST(Schema, wants_exactly_one_of_the_members_of_oneOf) {  // O10
  constexpr std::string_view kEither = R"({"type":"object","properties":{"a":{},"b":{},"c":{}},
    "oneOf":[{"required":["a"]},{"required":["b"]}]})";
  EXPECT_EQ(outcome(kEither, R"({"a":1,"c":2})"), R"({"a":1,"c":2})");
  EXPECT_EQ(outcome(kEither, R"({"c":2})"),
            " has none of \"a\", \"b\"; expected exactly one of them");
  EXPECT_EQ(outcome(kEither, R"({"a":1,"b":2})"),
            " has several of \"a\", \"b\"; expected exactly one of them");
}

TEST(Schema, fills_defaults_also_of_objects_that_are_missing) {
  const auto value = parse_json(outcome(kScript, R"({"script":"x"})"));
  ASSERT_TRUE(value);
  EXPECT_EQ(*value, *parse_json(R"({"script":"x","retries":3,"shell":"sh","limits":{"cpu":0.5}})"));
}

TEST(Schema, keeps_what_is_there) {
  EXPECT_EQ(*parse_json(outcome(kScript, R"({"script":"x","retries":0,"limits":{"mb":1}})")),
            *parse_json(R"({"script":"x","retries":0,"limits":{"mb":1,"cpu":0.5},"shell":"sh"})"));
}

TEST(Schema, makes_no_object_that_would_lack_a_required_member) {
  EXPECT_EQ(outcome(R"({"type":"object","properties":{"tls":{"type":"object","required":["ca"],
               "properties":{"ca":{"type":"string"},"verify":{"default":true}}}}})",
                    "{}"),
            "{}");
}

TEST(Schema, fills_the_members_of_a_default) {
  EXPECT_EQ(outcome(R"({"type":"object","properties":{"o":{"type":"object","default":{},
               "properties":{"a":{"default":1}}}}})",
                    "{}"),
            R"({"o":{"a":1}})");
}

TEST(Schema, lists_everything_that_is_wrong_with_its_pointer) {
  EXPECT_EQ(outcome(kScript, R"({"scrip":"x","retries":11,"shell":"bsh","limits":{"cpu":"a"},
                                 "env":{"a/b":1}})"),
            "/scrip unknown member \"scrip\"; did you mean \"script\"?\n"
            "/retries is 11 (an integer); expected at most 10\n"
            "/shell is \"bsh\" (a string), which is not allowed; did you mean \"sh\"?\n"
            "/limits/cpu is \"a\" (a string); expected a number\n"
            "/env/a~1b is 1 (an integer); expected a string\n"
            " missing member \"script\"");
}

TEST(Schema, stops_at_twenty_problems) {
  auto value = parse_json("[" + std::string(R"("a")") + [] {
    std::string more;
    for (int i = 0; i < 99; ++i) more += R"(,"a")";
    return more + "]";
  }());
  EXPECT_EQ(compiled(R"({"items":{"type":"null"}})").apply(*value).size(), 20u);
}

TEST(Schema, refuses_unknown_members_unless_told_otherwise) {
  EXPECT_EQ(outcome(R"({"type":"object"})", R"({"a":1})"),
            "/a unknown member \"a\"; none are known");
  EXPECT_EQ(outcome(R"({"properties":{}})", R"({"a":1})"),
            "/a unknown member \"a\"; none are known");
  EXPECT_EQ(outcome(R"({"type":"object","additionalProperties":true})", R"({"a":1})"),
            R"({"a":1})");
  EXPECT_EQ(outcome("{}", R"({"a":1})"), R"({"a":1})");
}

TEST(Schema, takes_a_whole_number_for_an_integer_and_writes_it_as_one) {
  EXPECT_EQ(outcome(R"({"type":"integer"})", "5.0"), "5");
  EXPECT_EQ(outcome(R"({"type":"integer"})", "5.5"), " is 5.5 (a number); expected an integer");
  EXPECT_EQ(outcome(R"({"type":"integer"})", "1e300"),
            " is 1e+300 (a number); expected an integer");
  EXPECT_EQ(outcome(R"({"type":"number"})", "5"), "5");
  EXPECT_EQ(outcome(R"({"type":"integer"})", "18446744073709551615"), "18446744073709551615");
}

TEST(Schema, takes_any_of_several_types) {
  EXPECT_EQ(outcome(R"({"type":["integer","null"]})", "null"), "null");
  EXPECT_EQ(outcome(R"({"type":["integer","null"]})", "true"),
            " is true (a boolean); expected an integer or null");
}

TEST(Schema, compares_enum_and_const_deeply) {
  EXPECT_EQ(outcome(R"({"const":{"a":[1,{"b":null}]}})", R"({"a":[1.0,{"b":null}]})"),
            R"({"a":[1E0,{"b":null}]})");
  EXPECT_EQ(outcome(R"({"const":{"a":1}})", R"({"a":1,"b":2})"),
            " is {\"a\":1,\"b\":2} (an object), which is not allowed; known: {\"a\":1}");
  EXPECT_EQ(outcome(R"({"enum":[1,2]})", "3"),
            " is 3 (an integer), which is not allowed; known: 1, 2");
  EXPECT_EQ(outcome(R"({"enum":[true]})", "1"),
            " is 1 (an integer), which is not allowed; known: true");
}

TEST(Schema, counts_characters_not_bytes) {
  EXPECT_EQ(outcome(R"({"type":"string","maxLength":2})", "\"\xc3\xa9\xc3\xa9\""),
            "\"\xc3\xa9\xc3\xa9\"");
  EXPECT_EQ(outcome(R"({"type":"string","maxLength":1})", "\"ab\""),
            " has 2 characters; expected at most 1");
  EXPECT_EQ(outcome(R"({"type":"string","minLength":1})", "\"\""),
            " has 0 characters; expected at least 1");
  EXPECT_EQ(outcome(R"({"type":"array","minItems":2})", "[1]"),
            " has 1 element; expected at least 2");
  EXPECT_EQ(outcome(R"({"type":"array","maxItems":0})", "[1]"),
            " has 1 element; expected at most 0");
}

TEST(Schema, searches_patterns_as_json_schema_does) {
  EXPECT_EQ(outcome(R"({"pattern":"b"})", "\"abc\""), "\"abc\"");
  EXPECT_EQ(outcome(R"({"pattern":"^b$"})", "\"abc\""),
            " is \"abc\" (a string); expected a match of ^b$");
  EXPECT_EQ(outcome(R"({"pattern":"b"})", "7"), "7");
  EXPECT_EQ(outcome(R"({"pattern":"^.\\d\\w\\/$"})", R"("ä1b/")"), R"("ä1b/")");
}

TEST(Schema, is_not_held_up_by_a_pattern) {
  const std::clock_t before = std::clock();  // of the processor: a busy machine is no fault
  for (const char* pattern : {"^(a+)+$", "^((a|b)|(c|d))*$", "(x+x+)+y", "((.?){20}){10}Z"}) {
    json::value value(std::string(4'095, 'a') + "!");
    EXPECT_EQ(compiled("{\"pattern\":\"" + std::string(pattern) + "\"}").apply(value).size(), 1u);
  }
  EXPECT_LT(std::clock() - before, 60 * CLOCKS_PER_SEC);
}

TEST(Schema, refuses_long_text_before_it_reaches_a_pattern) {
  json::value value(std::string(4'097, 'a'));
  const auto problems = compiled(R"({"pattern":"a"})").apply(value);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].message, "has 4097 bytes; a text with a pattern has at most 4096");
}

TEST(Schema, never_says_a_secret) {
  constexpr std::string_view kSchema = R"({"type":"object","properties":{
    "a":{"type":"integer","x-secret":true},
    "b":{"type":"string","pattern":"^x","x-secret":true},
    "c":{"x-secret":true,"type":"object","properties":{"d":{"enum":["k"]},"e":{"type":"null"}}},
    "f":{"type":"number","maximum":1,"x-secret":true}}})";
  const std::string said = outcome(
      kSchema, R"({"a":"hunter2","b":"hunter2","c":{"d":"hunter2","e":"hunter2"},"f":4242})");
  EXPECT_EQ(said.find("hunter2"), std::string::npos) << said;
  EXPECT_EQ(said.find("4242"), std::string::npos) << said;
  EXPECT_NE(said.find("/a is a secret of type string; expected an integer"), std::string::npos);
  EXPECT_NE(said.find("/c/d is a secret of type string, which is not allowed; known: k"),
            std::string::npos);
}

TEST(Schema, shortens_what_it_shows) {
  json::value value(std::string(1'000'000, 'x'));
  EXPECT_LT(compiled(R"({"type":"null"})").apply(value).at(0).message.size(), 150u);
  json::value object = json::object{{std::string(1'000'000, 'k'), 1}};
  EXPECT_LT(compiled(R"({"type":"object"})").apply(object).at(0).message.size(), 150u);
}

TEST(SchemaError, carries_the_first_problem_and_counts_the_rest) {
  const std::vector<SchemaProblem> one{{"/a", "is bad"}};
  const std::vector<SchemaProblem> three{{"", "missing member \"x\""}, {"/a", "b"}, {"/c", "d"}};
  EXPECT_EQ(schema_error("params", one).message, "params /a: is bad");
  EXPECT_EQ(schema_error("params", three).message,
            "params: missing member \"x\" (and 2 more problems)");
  EXPECT_EQ(schema_error("params", one).id(), "schema");
  EXPECT_EQ(schema_error("params", one).code, Code::kInvalid);
  EXPECT_EQ(problems_json(one), R"([{"pointer":"/a","message":"is bad"}])");
  EXPECT_EQ(problems_json({}), "[]");
}

class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  std::string operator()(std::string text) {
    static constexpr std::string_view kTokens[] = {"{",
                                                   "}",
                                                   "[",
                                                   "]",
                                                   "\"",
                                                   ":",
                                                   ",",
                                                   "1e99",
                                                   "null",
                                                   "\"type\":",
                                                   "-",
                                                   "\\",
                                                   "\"default\":{}",
                                                   "(",
                                                   "*"};
    for (std::size_t n = 1 + below(4); n > 0; --n) {
      const std::size_t at = below(text.size() + 1);
      switch (below(4)) {
        case 0:
          text.insert(at, kTokens[below(std::size(kTokens))]);
          break;
        case 1:
          text.erase(at, below(9));
          break;
        case 2:
          swap_values(text);
          break;
        default:
          if (at < text.size()) text[at] = static_cast<char>(below(256));
      }
    }
    return text;
  }

 private:
  /// Puts a piece between two commas in place of another: mostly still JSON.
  void swap_values(std::string& text) {
    const std::size_t from = text.find(':', below(text.size() + 1));
    const std::size_t to = text.find(':', below(text.size() + 1));
    if (from == std::string::npos || to == std::string::npos) return;
    const std::size_t end = text.find_first_of(",}", from);
    const std::size_t stop = text.find_first_of(",}", to);
    if (end == std::string::npos || stop == std::string::npos) return;
    text.replace(to, stop - to, text.substr(from, end - from));
  }

  std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }
  std::mt19937_64 random_;
};

TEST(Schema, survives_mutated_schemas_and_documents) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::cout << "seed " << seed << "\n";
  Mutator mutate(seed);
  const std::string document = R"({"script":"x","retries":2,"limits":{"cpu":1},"env":{"A":"b"}})";
  const Schema intact = compiled(kScript);
  int schemas = 0;
  int documents = 0;
  for (int i = 0; i < 2'000; ++i) {
    const auto schema = Schema::compile(mutate(std::string(kScript)));
    auto value = parse_json(mutate(document));
    schemas += schema ? 1 : 0;
    documents += value ? 1 : 0;
    if (!value) continue;
    if (schema) (void)schema->apply(*value);  // that it returns is the whole of the matter
    if (intact.apply(*value).empty()) {
      ASSERT_TRUE(intact.apply(*value).empty()) << "a valid document stays valid";
    }
  }
  EXPECT_GT(schemas, 20);
  EXPECT_GT(documents, 100);
}

}  // namespace
}  // namespace skep::api
