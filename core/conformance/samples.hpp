// Documents made from a JSON Schema: a valid one, and one for each rule that breaks only it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/api/schema.hpp"
#include "core/base/json.hpp"
#include "core/base/result.hpp"

namespace skep::conformance {

/// `document_json` (an object) with everything that the schema demands and the document lacks.
/// kInvalid when a value cannot be guessed, such as one with a pattern.
Result<std::string> complete_document(const api::Schema& schema, std::string_view document_json);

struct Violation {
  std::string rule;  ///< "/port: above its maximum"
  std::string document;
};
/// The document with each rule of the schema's members broken once; `valid_json` satisfies it.
std::vector<Violation> violations(const api::Schema& schema, std::string_view valid_json);

}  // namespace skep::conformance
