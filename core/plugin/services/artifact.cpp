#include <algorithm>
#include <cstring>
#include <map>
#include <memory>

#include <unistd.h>

#include "core/plugin/adapters/call_use.hpp"
#include "core/plugin/adapters/task_call.hpp"
#include "core/plugin/services/artifact_file.hpp"
#include "core/plugin/services/host.hpp"
#include "core/plugin/view.hpp"

namespace skep::plugin {
namespace {

/// What a handle stands for. A handle is a number: one of a call that has ended leads nowhere.
struct OpenArtifact {
  skep_call* call = nullptr;
  std::uint64_t serial = 0;  ///< of the call: its handle is lent again
  std::string name;
  std::shared_ptr<ArtifactFile> file;
};

class OpenArtifacts {
 public:
  skep_artifact* add(OpenArtifact artifact) {
    const MutexLock lock(mutex_);
    open_.emplace(++last_, std::move(artifact));
    // A number in the shape of a pointer that nobody follows.
    return reinterpret_cast<skep_artifact*>(last_);  // NOLINT(performance-no-int-to-ptr)
  }
  OpenArtifact find(skep_artifact* handle) const {
    const MutexLock lock(mutex_);
    const auto at = open_.find(reinterpret_cast<std::uintptr_t>(handle));
    return at == open_.end() ? OpenArtifact{} : at->second;
  }
  OpenArtifact take(skep_artifact* handle) {
    const MutexLock lock(mutex_);
    auto node = open_.extract(reinterpret_cast<std::uintptr_t>(handle));
    return node ? std::move(node.mapped()) : OpenArtifact{};
  }
  /// Those of a call that ends.
  void drop(std::uint64_t serial) {
    std::vector<OpenArtifact> gone;  // their files are removed without the lock
    const MutexLock lock(mutex_);
    for (auto at = open_.begin(); at != open_.end();)
      if (at->second.serial == serial) {
        gone.push_back(std::move(at->second));
        at = open_.erase(at);
      } else {
        ++at;
      }
  }

 private:
  mutable Mutex mutex_;
  std::uintptr_t last_ SKEP_GUARDED_BY(mutex_) = 0;
  std::map<std::uintptr_t, OpenArtifact> open_ SKEP_GUARDED_BY(mutex_);
};

OpenArtifacts& open_artifacts() {
  static auto* all = new OpenArtifacts;  // plugins may come as late as they like
  return *all;
}

const Error kNoTask{Code::kState, "artifacts are of a task, and this call runs none"};
const Error kEnded{Code::kState, "this artifact has ended, or its task has"};

template <class Body>
skep_rc answered(skep_err* err, Body&& body) noexcept {
  try {
    const Status done = body();
    return done ? SKEP_OK : put_error(err, done.error());
  } catch (const std::exception& e) {
    return put_error(err, internal_error(e.what()));
  }
}

Result<std::string> media_type_of(std::string_view text) {
  if (text.empty()) return std::string(model::kBytes);
  if (model::is_media_type(text)) return std::string(text);
  return invalid("\"" + clean_text(to_view(text)) + "\" is no media type, such as text/plain");
}

skep_rc open(const skep_host* host, skep_call* handle, skep_view name, skep_view media_type,
             skep_artifact** out, skep_err* err) noexcept {
  return answered(err, [&]() -> Status {
    SKEP_TRY(PluginHost::of(host).admit(SKEP_SVC_ARTIFACT));
    const CallUse use(handle);
    if (use.task() == nullptr) return kNoTask;
    if (!model::is_artifact_name(text(name)))
      return invalid("\"" + clean_text(name) +
                     "\" is no name of an artifact: 1 to 128 bytes of [A-Za-z0-9._-]");
    const auto type = media_type_of(text(media_type));
    if (!type) return type.error();
    TaskCall& call = *use.task();
    const auto place = call.begin_artifact(text(name));
    if (!place) return place.error();
    auto file = ArtifactFile::open(place->folder, std::string(text(name)), *type, place->most);
    if (!file) {
      call.drop_artifact(text(name));
      return file.error();
    }
    *out = open_artifacts().add({handle, call.serial(), std::string(text(name)), std::move(*file)});
    return {};
  });
}

skep_rc write(skep_artifact* handle, skep_view bytes, skep_err* err) noexcept {
  return answered(err, [&]() -> Status {
    const OpenArtifact artifact = open_artifacts().find(handle);
    return artifact.file ? artifact.file->write(text(bytes)) : Status(kEnded);
  });
}

Status end(const OpenArtifact& artifact, bool keep, skep_artifact_info* info) {
  const CallUse use(artifact.call);
  TaskCall* const call = use.task();
  if (call == nullptr || call->serial() != artifact.serial) return kEnded;
  if (!keep) {
    call->drop_artifact(artifact.name);
    return {};
  }
  auto done = artifact.file->finish();
  if (!done) {
    call->drop_artifact(artifact.name);
    return done.error();
  }
  if (info != nullptr) {
    skep_artifact_info told{};
    told.size = sizeof(told);
    told.bytes = static_cast<std::uint64_t>(done->size);
    std::memcpy(told.sha256, done->sha256.data(), std::min<std::size_t>(64, done->sha256.size()));
    if (skep_write(info, &told, sizeof(told), SKEP_SIZE_1_0_ARTIFACT_INFO) != SKEP_OK)
      return invalid("info->size is smaller than in 1.0");
  }
  call->keep_artifact(std::move(*done));
  return {};
}

skep_rc close(skep_artifact* handle, std::int32_t keep, skep_artifact_info* info,
              skep_err* err) noexcept {
  return answered(err, [&]() -> Status {
    const OpenArtifact artifact = open_artifacts().take(handle);
    return artifact.file ? end(artifact, keep != 0, info) : Status(kEnded);
  });
}

skep_rc input(const skep_host* host, skep_call* handle, skep_view sha256, const skep_sink* path,
              skep_err* err) noexcept {
  return answered(err, [&]() -> Status {
    SKEP_TRY(PluginHost::of(host).admit(SKEP_SVC_ARTIFACT));
    const CallUse use(handle);
    if (use.task() == nullptr) return kNoTask;
    const std::string name(text(sha256));
    const bool hex = name.find_first_not_of("0123456789abcdef") == std::string::npos;
    const std::string file = use.task()->folder() + "/in/" + name;
    if (!hex || name.size() != 64 || ::access(file.c_str(), R_OK) != 0)
      return Error{Code::kNotFound, "no parameter of this task is {\"artifact\": \"" +
                                        clean_text(sha256) + "\", \"size\": ..}"};
    const skep_rc rc = path->put(path->ctx, to_view(file));
    return rc >= 0 ? Status{} : Status(Error{code_from_abi(rc), "the receiver refused the path"});
  });
}

}  // namespace

void drop_open_artifacts(std::uint64_t serial) { open_artifacts().drop(serial); }

const skep_svc_artifact_v1& artifact_service() {
  static constexpr skep_svc_artifact_v1 table{
      sizeof(skep_svc_artifact_v1), 0, open, write, close, input};
  return table;
}

}  // namespace skep::plugin
