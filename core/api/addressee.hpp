// Whom an answer is for, and how a worker tells an answer of its control plane from anybody else's.
//
// "to" is in every answer to a worker, problem documents included. Nothing but the control plane
// that read the request knows what belongs there, not even an echo, so an answer without it settles
// nothing: it comes from whatever else listens at the URL. Results are named one by one instead, by
// their idempotency keys: see Ack in wire.hpp.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "core/base/json.hpp"
#include "core/base/result.hpp"

namespace skep::api {

struct Addressee {
  std::string worker_id;
  std::string incarnation;  ///< "" where the request names none
  bool operator==(const Addressee&) const = default;
};
/// The member "to" of an open object.
void write_addressee(JsonOut& out, const Addressee& to);
/// Empty when the answer names nobody.
Addressee read_addressee(const json::object& answer);
/// The same member as `,"to":{..}`, to append to a problem document.
std::string addressed_to(const Addressee& to);

/// A problem document.
struct Refusal {
  std::string code;
  std::string detail;
  std::string next;  ///< the step that helps, or ""
  Addressee to;      ///< empty when the request was refused before anybody read it
};
/// kInvalid unless `body` has the shape of skep's problem documents.
Result<Refusal> decode_refusal(std::string_view body);

/// The code of the one 409 that tells a worker that another process has its id.
inline constexpr std::string_view kWorkerIdConflict = "worker-id-conflict";

}  // namespace skep::api
