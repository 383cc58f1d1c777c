// Every document that the API takes or answers.
#pragma once

#include "core/api/document.hpp"

namespace skep::api {

/// Of each family, in order. A new family is a line here.
Documents documents();
/// The same as members of a JSON object, "\"Task\":{..},\"Worker\":{..}": what Router::openapi
/// takes.
std::string schemas();

}  // namespace skep::api
