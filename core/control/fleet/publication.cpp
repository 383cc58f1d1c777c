#include "core/control/fleet/publication.hpp"

#include <algorithm>

#include "core/base/id.hpp"
#include "core/base/json.hpp"
#include "core/base/text.hpp"
#include "core/base/utf8.hpp"

namespace skep::control {
namespace {

constexpr std::size_t kMaxTargets = 256;

bool is_version(std::string_view s) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-+_~";
  return !s.empty() && s.size() <= 64 && s.find_first_not_of(kPlain) == std::string_view::npos;
}

Status check_names(std::string_view what, const std::vector<std::string>& names,
                   const std::string& next) {
  if (names.size() > kMaxTargets)
    return invalid("publish: more than " + std::to_string(kMaxTargets) + " " + std::string(what));
  for (const std::string& name : names)
    if (!is_name(name))
      return invalid("publish: " + std::string(what) + " \"" + std::string(clip_utf8(name, 60)) +
                     "\" must be letters, digits, '.', '_' or '-', at most 128")
          .with_next(next);
  return {};
}

Status check_content(const Publication& p) {
  const std::string kind(api::to_string(p.kind));
  if (p.content.empty()) return invalid("publish: the " + kind + " is empty");
  if (p.content.size() > api::max_bytes(p.kind))
    return invalid("publish: the " + kind + " has " + std::to_string(p.content.size()) +
                   " bytes; at most " + std::to_string(api::max_bytes(p.kind)))
        .named("release-too-large");
  if (p.signature.size() > kMaxSignatureBytes)
    return invalid("publish: the signature has more than " + std::to_string(kMaxSignatureBytes) +
                   " bytes");
  const bool binary = p.content.find('\0') != std::string::npos || p.content.starts_with('\x1b');
  if (p.kind == api::ReleaseKind::kScript && binary)
    return invalid("publish: the script is no text; compiled Lua is not taken").named("bad-script");
  return {};
}

Error mismatch(const Publication& p, const std::string& declared, const std::string& own) {
  const std::string kind(api::to_string(p.kind));
  return invalid("publish: " + declared + ", but the " + kind + " itself says " + own)
      .named("release-mismatch")
      .with_next("skep " + kind + " publish FILE, which takes all of it from the file");
}

std::string shown(const std::vector<std::string>& types) {
  return types.empty() ? "none" : std::string(clip_utf8(join(types, ", "), 200));
}

bool same_json(const std::string& a, const std::string& b) {
  const auto left = parse_json(a);
  const auto right = parse_json(b);
  return left && right && *left == *right;
}

/// Canaries and sites change nothing: a worker may move, and a release may come back.
Status check_names_free(const std::vector<Release>& releases, const Release& r) {
  std::vector<std::string> names = r.types;
  names.insert(names.end(), r.components.begin(), r.components.end());
  names.push_back(r.name);
  for (const Release& other : releases) {
    if (other.name == r.name || !other.in_force()) continue;
    const auto shared = std::find_if(names.begin(), names.end(),
                                     [&](const std::string& name) { return other.owns(name); });
    if (shared == names.end()) continue;
    const std::string kind(api::to_string(r.kind));
    return Error{Code::kState,
                 "publish: " + kind + " " + r.name + " has \"" + *shared +
                     "\", a name that belongs to " + std::string(api::to_string(other.kind)) + " " +
                     other.name + " " + other.version + ", which had it first",
                 "name-taken", "give it another name, or: skep registry withdraw " + other.name};
  }
  return {};
}

}  // namespace

Status check_publication(const Publication& p, const std::string& sha256) {
  if (!api::is_release_name(p.name))
    return invalid("publish: name \"" + std::string(clip_utf8(p.name, 64)) +
                   "\" must be lower-case letters, digits, '.', '_' or '-', at most 64")
        .with_next("choose a name such as disk_check");
  if (!is_version(p.version))
    return invalid("publish: version \"" + std::string(clip_utf8(p.version, 64)) +
                   "\" must be letters, digits, '.', '-', '+' or '_', 1 to 64")
        .with_next("choose a version such as 1.0.0");
  SKEP_TRY(check_content(p));
  if (!p.sha256.empty() && p.sha256 != sha256)
    return invalid("publish: the content has sha256 " + sha256 + ", not " +
                   std::string(clip_utf8(p.sha256, 64)))
        .named("hash-mismatch")
        .with_next("send the file again");
  SKEP_TRY(check_names("site", p.sites, "skep worker list shows the sites"));
  SKEP_TRY(check_names("type", p.types, "leave it out: the file says it"));
  if (p.canary_count < 0 || p.canary_percent < 0 || p.canary_percent > 100)
    return invalid("publish: canary must be a count of workers, or 0% to 100%");
  if (p.promote_after_ms < 0 || p.promote_after_tasks < 1)
    return invalid(
        "publish: promote_after_seconds must be 0 or more, promote_after_tasks 1 or more");
  return {};
}

Status adopt(SelfDescription file, Publication& p) {
  if (file.name != p.name || file.version != p.version)
    return mismatch(
        p, "declared as " + p.name + " " + p.version,
        std::string(clip_utf8(file.name, 64)) + " " +
            (file.version.empty() ? "and no version" : std::string(clip_utf8(file.version, 64))));
  std::vector<std::string> types;
  for (const auto& [type, schema] : file.types) types.push_back(type);
  std::sort(p.types.begin(), p.types.end());
  if (!p.types.empty() && p.types != types)
    return mismatch(p, "declared with types " + shown(p.types), shown(types));
  for (const auto& [type, schema] : p.schemas)
    if (const auto own = file.types.find(type);
        own == file.types.end() || !same_json(own->second, schema))
      return mismatch(p, "declared with a schema of " + std::string(clip_utf8(type, 64)),
                      own == file.types.end() ? shown(types) : "another");
  p.types = std::move(types);
  p.schemas = std::move(file.types);
  p.components = std::move(file.components);
  return {};
}

Result<Release> release_of(const Publication& p, const std::string& sha256) {
  Release r;
  r.kind = p.kind;
  r.name = p.name;
  r.version = p.version;
  r.sha256 = sha256;
  r.size = static_cast<std::int64_t>(p.content.size());
  r.signature = p.signature;
  r.arch = "any";
  if (p.kind == api::ReleaseKind::kPlugin) {
    const auto arch = elf_arch(p.content);
    if (!arch)
      return invalid("publish: the plugin is no shared library for x86_64 or aarch64")
          .named("wrong-architecture")
          .with_next("skep plugin show FILE");
    r.arch = *arch;
  }
  r.types = p.types;
  r.components = p.components;
  r.sites = p.sites;
  std::sort(r.sites.begin(), r.sites.end());
  r.sites.erase(std::unique(r.sites.begin(), r.sites.end()), r.sites.end());
  r.hold = p.hold;
  r.promote_after_ms = p.promote_after_ms;
  r.promote_after_tasks = p.promote_after_tasks;
  return r;
}

Result<const Release*> fits_history(const std::vector<Release>& releases, const Release& r) {
  SKEP_TRY(check_names_free(releases, r));
  const Release* newest = nullptr;
  for (const Release& old : releases) {
    if (old.name != r.name) continue;
    if (old.kind != r.kind)
      return Error{Code::kState,
                   "\"" + r.name + "\" is a " + std::string(api::to_string(old.kind)) +
                       " in this registry, not a " + std::string(api::to_string(r.kind)),
                   "kind-differs", "give it another name"};
    if (old.arch != r.arch) continue;
    if (old.version == r.version && old.sha256 != r.sha256 && old.state != ReleaseState::kWithdrawn)
      return Error{Code::kState,
                   r.name + " " + r.version + " was published with other content (sha256 " +
                       old.sha256.substr(0, 12) + ", now " + r.sha256.substr(0, 12) + ")",
                   "version-exists", "raise its version"};
    newest = &old;
  }
  if (newest == nullptr || !newest->in_force()) return nullptr;
  if (newest->sha256 == r.sha256 && newest->sites == r.sites && newest->signature == r.signature)
    return newest;
  if (newest->state == ReleaseState::kCanary)
    return Error{Code::kState, r.name + " " + newest->version + " is still tried on canaries",
                 "canary-under-way",
                 "skep registry promote " + r.name + "   or   skep registry rollback " + r.name};
  return nullptr;
}

}  // namespace skep::control
