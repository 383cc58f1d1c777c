// A compiled schema, shared by schema.cpp (applies it) and schema_compile.cpp (makes it).
#pragma once

#include <re2/re2.h>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/api/schema.hpp"

namespace skep::api {

enum TypeBit : unsigned {
  kNull = 1,
  kBoolean = 2,
  kInteger = 4,
  kNumber = 8,  ///< always together with kInteger
  kString = 16,
  kArray = 32,
  kObject = 64,
  kAnyType = 127,
};

/// From one version of a schema to the next.
struct MigrationStep {
  std::int64_t from = 0;
  std::vector<std::pair<std::string, std::string>> renamed{};  ///< old name, new name
  std::vector<std::string> dropped{};
  boost::json::object added{};  ///< where such a member is missing
};

struct SchemaNode {
  unsigned types = kAnyType;
  std::string type_words;                        ///< "an integer or null"
  bool secret = false;                           ///< here or above: values never appear in messages
  std::optional<boost::json::value> fallback{};  ///< what a missing member becomes

  std::map<std::string, SchemaNode, std::less<>> properties{};
  std::vector<std::string> required{};
  std::vector<std::string> one_of{};         ///< exactly one of these members; empty: any
  bool open = true;                          ///< members beyond `properties` are welcome
  std::unique_ptr<SchemaNode> additional{};  ///< and must look so

  std::unique_ptr<SchemaNode> items{};
  std::optional<std::size_t> min_items{};
  std::optional<std::size_t> max_items{};

  std::vector<boost::json::value> choices{};  ///< enum or const; empty: any value
  std::optional<double> minimum{};
  std::optional<double> maximum{};
  std::optional<std::size_t> min_length{};
  std::optional<std::size_t> max_length{};
  std::unique_ptr<const RE2> pattern{};  ///< linear in the text's length
  std::string pattern_text{};

  // Of the whole schema.
  std::int64_t version = 1;
  std::vector<MigrationStep> migrations{};  ///< by `from`, each once
};

struct Schema::Node : SchemaNode {};

/// "x-version" and "x-migrations" of a whole schema.
Status read_versions(const boost::json::object& schema, SchemaNode& node);
Result<SchemaNode> compile_schema(const boost::json::value& schema);
/// What Schema::apply() does, for one node.
std::vector<SchemaProblem> apply_schema(const SchemaNode& node, boost::json::value& document);
/// RFC 6901: one more step of a pointer.
std::string pointer_step(std::string_view key);

}  // namespace skep::api
