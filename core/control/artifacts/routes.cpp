// The routes of the feature "artifacts": parse, ask folder and ledger, encode.
#include "core/api/artifact_json.hpp"
#include "core/api/desired_releases.hpp"
#include "core/base/text.hpp"
#include "core/control/answer.hpp"
#include "core/control/artifacts/artifacts.hpp"
#include "core/control/query.hpp"

namespace skep::control {
namespace {

using net::HttpRequest;
using net::HttpResponse;

constexpr std::string_view kNumber = R"({"type":"integer","minimum":0})";
constexpr net::QueryParameter kTask{"task", "Whose attempt it is."};
constexpr net::QueryParameter kAttempt{"attempt", "Which one.", kNumber};
constexpr net::QueryParameter kLease{"lease", "Its lease_id."};
constexpr net::QueryParameter kOffset{"offset", "Of the first byte of the body.", kNumber};
constexpr net::QueryParameter kSize{"size", "Bytes of all of it.", kNumber};
constexpr net::QueryParameter kRange{"Range", "bytes=FIRST-[LAST]: this part only (206)."};
constexpr net::QueryParameter kIfRange{"If-Range", "The ETag of the part that one has."};
constexpr net::QueryParameter kIfNoneMatch{"If-None-Match", "The ETag that one has."};

Result<std::uint64_t> number_of(const HttpRequest& r, const std::string& name) {
  const std::string text = text_of(r, name);
  const auto n = to_int(text);
  if (!n || *n < 0) return bad_parameter(name, text, "a number of bytes");
  return static_cast<std::uint64_t>(*n);
}

Result<std::string> sha256_of(const HttpRequest& r) {
  const std::string& sha256 = r.params.at("sha256");
  if (api::is_sha256(sha256)) return sha256;
  return invalid("a content is named by the 64 lower-case hex digits of its SHA-256")
      .named("bad-sha256");
}

Status check_attempt(Artifacts& f, const HttpRequest& r) {
  const auto attempt = number_of(r, "attempt");
  if (!attempt) return attempt.error();
  return f.check_attempt(
      r.caller, {text_of(r, "task"), static_cast<std::int64_t>(*attempt), text_of(r, "lease")});
}

HttpResponse answer(const Result<api::BlobProgress>& progress) {
  return progress ? HttpResponse::json(api::encode(*progress))
                  : HttpResponse::problem(progress.error());
}

Result<api::BlobProgress> put_piece(Artifacts& f, const HttpRequest& r) {
  const auto sha256 = sha256_of(r);
  if (!sha256) return sha256.error();
  const auto offset = number_of(r, "offset");
  if (!offset) return offset.error();
  const auto size = number_of(r, "size");
  if (!size) return size.error();
  return f.take(*sha256, *size, *offset, r.body);
}

Result<api::BlobProgress> progress_of(Artifacts& f, const HttpRequest& r) {
  const auto sha256 = sha256_of(r);
  return sha256 ? f.blobs.progress(*sha256) : Result<api::BlobProgress>(sha256.error());
}

HttpResponse put_input(Artifacts& f, const HttpRequest& r) { return answer(put_piece(f, r)); }
HttpResponse get_input(Artifacts& f, const HttpRequest& r) { return answer(progress_of(f, r)); }

/// What a worker is refused says whom it is for.
HttpResponse answer_to_worker(const HttpRequest& r, const Result<api::BlobProgress>& progress) {
  return progress ? answer(progress) : refuse({id_of(r), {}}, progress.error());
}

HttpResponse put_of_worker(Artifacts& f, const HttpRequest& r) {
  const Status own = check_attempt(f, r);
  return answer_to_worker(r, own ? put_piece(f, r) : Result<api::BlobProgress>(own.error()));
}

HttpResponse progress_of_worker(Artifacts& f, const HttpRequest& r) {
  const Status own = check_attempt(f, r);
  return answer_to_worker(r, own ? progress_of(f, r) : Result<api::BlobProgress>(own.error()));
}

HttpResponse send(Artifacts& f, const HttpRequest& r, const std::string& sha256,
                  std::string media_type) {
  auto blob = f.blobs.open(sha256);
  if (!blob) return HttpResponse::problem(blob.error());
  auto response =
      HttpResponse::of_file(r, std::move(blob->file), blob->size, sha256, std::move(media_type));
  response.headers.emplace_back("Cache-Control", "private, no-cache");
  return response;
}

/// Only what the task of an own attempt is to read.
Result<std::string> input_of(Artifacts& f, const HttpRequest& r) {
  const auto sha256 = sha256_of(r);
  if (!sha256) return sha256.error();
  SKEP_TRY(check_attempt(f, r));
  const std::string task = text_of(r, "task");
  const auto reads = f.ledger.reads(task, *sha256);
  if (!reads) return reads.error();
  if (*reads) return sha256;
  return Error{Code::kNotFound, "task " + task + " has no input " + *sha256, "unknown-input"};
}

HttpResponse input_of_worker(Artifacts& f, const HttpRequest& r) {
  const auto sha256 = input_of(f, r);
  if (!sha256) return refuse({id_of(r), {}}, sha256.error());
  if (const auto there = f.blobs.open(*sha256); !there)
    return refuse({id_of(r), {}}, there.error());
  return send(f, r, *sha256, std::string(model::kBytes));
}

HttpResponse list_artifacts(Artifacts& f, const HttpRequest& r) {
  auto artifacts = f.ledger.of_task(id_of(r));
  if (!artifacts) return HttpResponse::problem(artifacts.error());
  if (artifacts->empty())
    if (const Status known = f.check_task(id_of(r)); !known)
      return HttpResponse::problem(known.error());
  for (api::KeptArtifact& a : *artifacts) a.available = f.blobs.has(a.what.sha256);
  return HttpResponse::json(api::encode(*artifacts));
}

HttpResponse get_artifact(Artifacts& f, const HttpRequest& r) {
  const auto found = f.ledger.find(id_of(r), r.params.at("name"));
  if (!found) {
    if (found.error().code == Code::kNotFound)
      if (const Status known = f.check_task(id_of(r)); !known)
        return HttpResponse::problem(known.error());
    return HttpResponse::problem(found.error());
  }
  auto response = send(f, r, found->what.sha256, found->what.media_type);
  if (response.status < 300)
    response.headers.emplace_back("Content-Disposition",
                                  "attachment; filename=\"" + found->what.name + "\"");
  return response;
}

}  // namespace

std::vector<net::Route> Artifacts::routes() {
  using enum net::Right;
  using Handler = HttpResponse (*)(Artifacts&, const HttpRequest&);
  const auto bind = [this](Handler h) {
    return [this, h](const HttpRequest& r) { return h(*this, r); };
  };
  const net::RouteDocuments bytes_in{.request = "Blob", .response = "BlobProgress"};
  const net::RouteDocuments bytes_out{.response = "Blob",
                                      .media = model::kBytes,
                                      .headers = {kRange, kIfRange, kIfNoneMatch},
                                      .others = {{"304"}}};
  return {
      {"GET",
       "/api/tasks/{id}/artifacts",
       kOperate,
       0,
       "What it left, of the newest attempt first.",
       bind(list_artifacts),
       {"", "KeptArtifactList"}},
      {"GET", "/api/tasks/{id}/artifacts/{name}", kOperate, 0,
       "The bytes of one, of its newest attempt; under the media type that it was given.",
       bind(get_artifact), bytes_out},
      net::takes_bytes({"PUT",
                        "/api/blobs/{sha256}",
                        kOperate,
                        api::kPieceBytes,
                        "A piece of what a task shall read; kept for a day without one.",
                        bind(put_input),
                        bytes_in,
                        {kOffset, kSize}}),
      {"GET",
       "/api/blobs/{sha256}",
       kOperate,
       0,
       "How much of it is here.",
       bind(get_input),
       {"", "BlobProgress"}},
      net::takes_bytes({"PUT",
                        "/api/workers/{id}/artifacts/{sha256}",
                        kWork,
                        api::kPieceBytes,
                        "A piece of what an attempt left.",
                        bind(put_of_worker),
                        bytes_in,
                        {kTask, kAttempt, kLease, kOffset, kSize}}),
      {"GET",
       "/api/workers/{id}/artifacts/{sha256}",
       kWork,
       0,
       "How much of it is here.",
       bind(progress_of_worker),
       {"", "BlobProgress"},
       {kTask, kAttempt, kLease}},
      {"GET",
       "/api/workers/{id}/inputs/{sha256}",
       kWork,
       0,
       "What a task is to read.",
       bind(input_of_worker),
       bytes_out,
       {kTask, kAttempt, kLease}},
  };
}

}  // namespace skep::control
