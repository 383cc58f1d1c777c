// Artifacts and inputs as JSON: in results and parameters, and what the routes about them answer.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/api/document.hpp"
#include "core/base/clock.hpp"
#include "core/base/json.hpp"
#include "core/model/artifact.hpp"

namespace skep::api {

/// A request brings at most so many bytes of a content that is sent in pieces.
inline constexpr std::size_t kPieceBytes = 1u << 20;

/// An array of {"name","media_type","size","sha256"}.
void write(JsonOut& out, const std::vector<model::Artifact>& artifacts);
/// The member `key`, empty when it is missing; kInvalid for what makes no sense in there, for a
/// name that is given twice and for more than kMostArtifacts.
Result<std::vector<model::Artifact>> read_artifacts(const json::object& o, std::string_view key);

/// Every {"artifact": sha256, "size": n} in a task's parameters, each content once. kInvalid says
/// where one makes no sense, and when there are more than kMostArtifacts.
Result<std::vector<model::Input>> inputs_of(const std::string& params);

/// How much of a content has come.
struct BlobProgress {
  std::string sha256;
  std::int64_t received = 0;  ///< go on from here
  bool complete = false;
};
std::string encode(const BlobProgress& progress);
Result<BlobProgress> decode_blob_progress(std::string_view body);

/// An artifact as the control plane has it.
struct KeptArtifact {
  model::Artifact what;
  std::int64_t attempt = 0;
  WallMs received_ms = 0;
  bool available = true;  ///< false: its bytes never came here, or are gone
};
/// {"items":[..]}
std::string encode(const std::vector<KeptArtifact>& artifacts);

/// Artifact, KeptArtifact and the list of them, BlobProgress.
Documents artifact_documents();

}  // namespace skep::api
