// JSON Schema, the documented subset: the one validator for plugin tables and task parameters.
//
// Keywords: type (also a list), properties, required, additionalProperties (false when absent),
// enum, const, minimum, maximum, minLength, maxLength, pattern, items, minItems, maxItems, default,
// description, x-secret, x-reload; of the whole schema x-version, x-migrations. An unknown keyword
// is an error of the schema.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace skep::api {

struct SchemaProblem {
  std::string pointer;  ///< RFC 6901, "" = the document
  std::string message;  ///< "unknown member \"scrip\"; did you mean \"script\"?"
};

/// A checked schema. Immutable after compile(); [any].
class Schema {
 public:
  /// kInvalid with the pointer of what is wrong in the schema.
  static Result<Schema> compile(std::string_view schema_json);
  /// Adds defaults in place (recursively, also into missing objects that have defaults inside) and
  /// lists everything that is wrong; empty = valid. At most 20 problems.
  std::vector<SchemaProblem> apply(boost::json::value& document) const;
  /// What it no longer accepts of what `former` did, by pointer; empty = everything that `former`
  /// accepts. When in doubt it is listed. At most 20.
  std::vector<SchemaProblem> changes_since(const Schema& former) const;
  /// "x-version", 1 when it says none.
  std::int64_t version() const;
  /// Whether it says by "x-migrations" how a document of the older version `from` becomes one of
  /// its own: a step from each version on the way.
  bool migrates_from(std::int64_t from) const;
  /// Takes these steps. kState when there is no way, kInvalid when a step does not fit `document`,
  /// which is as it was then. Whether the outcome is valid is for apply() to say.
  Status migrate(boost::json::value& document, std::int64_t from) const;
  /// Is anything in it "x-secret"?
  bool has_secrets() const;
  /// Puts "***" in place of what is "x-secret", valid or not.
  void hide_secrets(boost::json::value& document) const;
  /// The schema as JSON text.
  const std::string& text() const;

 private:
  struct Node;
  explicit Schema(std::shared_ptr<const Node> root, std::string text);
  std::shared_ptr<const Node> root_;
  std::string text_;
};

/// One Error (kInvalid, named "schema") out of the problems of `what`: the first in the message,
/// all in `extra_members` form by problems_json().
Error schema_error(std::string_view what, const std::vector<SchemaProblem>& problems);
/// [{"pointer":"..","message":".."}, ..]
std::string problems_json(const std::vector<SchemaProblem>& problems);

}  // namespace skep::api
