#include "core/trust/judge.hpp"

#include <algorithm>
#include <boost/json/value.hpp>

#include "core/base/describe.hpp"
#include "core/base/text.hpp"
#include "core/trust/digest.hpp"
#include "core/trust/lock_file.hpp"
#include "core/trust/owners.hpp"
#include "core/trust/version.hpp"

namespace skep::trust {
namespace {

std::string said(const Judgement& j, const Settings& settings) {
  if (j.signature_alone)
    return j.ok() ? "has a good signature; nothing else was checked" : "has no good signature";
  return std::string(j.ok() ? "admitted" : "refused") + " by policy \"" + settings.policy() + "\"";
}

constexpr std::size_t kShownDigits = 16;
std::string digits(const std::string& sha256) { return sha256.substr(0, kShownDigits); }

std::string ids_of(const std::vector<PublicKey>& keys) {
  std::vector<std::string> out;
  for (const PublicKey& key : keys) out.push_back(key_text(key.id));
  return out.empty() ? "none" : join(out, " ");
}

class Judge {
 public:
  Judge(const Settings& settings, const Candidate& candidate)
      : settings_(settings), candidate_(candidate) {}

  Judgement run() {
    check_place();
    check_copy();
    if (settings_.pin || settings_.signature) check_pin();
    if (settings_.signature) check_signature();
    return std::move(out_);
  }

  Judgement run_signature() {
    out_.signature_alone = true;
    check_copy();
    check_signature();
    return std::move(out_);
  }

 private:
  void check_place() {
    const bool strict = settings_.pin || settings_.signature;
    Status place = strict ? check_writers(candidate_.source) : check_open_folder(candidate_.source);
    // A plugin may run in our own process, whatever the policy; a script never does.
    if (place && !strict && candidate_.abi != "lua") place = check_owners(candidate_.source);
    add({"writers", strict ? "root and us" : "not everybody", place ? "so it is" : "others",
         place ? "ok" : place.error().message, place ? "" : place.error().next});
  }

  void check_copy() {
    const auto digests = digest_file(candidate_.copy);
    if (!digests)
      return add({"copy", digits(candidate_.sha256), "unreadable", digests.error().message});
    digest_ = digests->blake2b;
    if (digests->sha256 != candidate_.sha256)
      add({"copy", digits(candidate_.sha256), digits(digests->sha256), "changed while we looked",
           "try again"});
  }

  void check_pin() {
    const auto lock = LockFile::read(settings_.lock_file);
    if (!lock && lock.error().code == Code::kNotFound && !settings_.pin) return;
    if (!lock)
      return add({"lock", settings_.lock_file, "unusable", lock.error().message,
                  lock.error().next.empty() ? "skep plugin lock -c CONFIG" : lock.error().next});
    if (candidate_.id.empty()) return check_pinned(*lock);
    const auto pin = lock->pins.find(candidate_.id);
    if (pin != lock->pins.end()) return compare(pin->second);
    if (settings_.pin)
      add({"id", "one of " + settings_.lock_file, candidate_.id, "not in the lock", relock()});
  }

  /// Whether anything of these bytes is pinned, while nobody knows yet as what.
  void check_pinned(const LockFile& lock) {
    const bool pinned = std::any_of(lock.pins.begin(), lock.pins.end(), [this](const auto& pin) {
      return pin.second.sha256 == candidate_.sha256;
    });
    if (settings_.pin && !pinned)
      add({"sha256", "one of " + settings_.lock_file, digits(candidate_.sha256), "not in the lock",
           relock()});
  }

  void compare(const Pin& pin) {
    const bool old = compare_versions(candidate_.version, pin.min_version) < 0;
    // The same command without it refuses to write an older version down.
    const std::string next =
        old ? "to go back on purpose: skep plugin lock -c CONFIG --allow-rollback" : relock();
    if (settings_.pin) {
      add({"version", pin.version, candidate_.version,
           pin.version == candidate_.version ? "ok" : "another version", next});
      add({"sha256", digits(pin.sha256), digits(candidate_.sha256),
           pin.sha256 == candidate_.sha256 ? "ok" : "other bytes than those pinned", next});
    }
    add({"min_version", pin.min_version, candidate_.version, old ? "older than ever allowed" : "ok",
         next});
    if (settings_.pin && settings_.signature) pinned_key_ = pin.key;
  }

  void check_signature() {
    const std::string path = candidate_.source + ".minisig";
    const auto text = read_regular_file(path, kMaxSignatureBytes);
    if (!text && text.error().code == Code::kNotFound)
      return add({"signature", path, "missing", "unsigned",
                  "get it from the author, or: skep plugin sign " + candidate_.source + " -k KEY"});
    const auto signature = text ? Signature::parse(*text) : Result<Signature>(text.error());
    if (!signature)
      return add({"signature", path, "unusable", signature.error().message,
                  "get a new one from the author"});
    if (const PublicKey* key = check_key(*signature)) check_bytes(*key, *signature);
    if (!candidate_.id.empty()) check_comment(*signature);
  }

  /// The trusted key that the signature names, or null.
  const PublicKey* check_key(const Signature& signature) {
    keys_ = candidate_.id.empty() ? settings_.keys.all() : settings_.keys.keys_for(candidate_.id);
    const auto key = std::find_if(keys_.begin(), keys_.end(),
                                  [&](const PublicKey& k) { return k.id == signature.key; });
    const std::string found = key_text(signature.key);
    if (key == keys_.end()) {
      const auto scopes = settings_.keys.scopes_of(signature.key);
      add({"key", ids_of(keys_), found,
           scopes.empty() ? "unknown key" : "trusted for " + join(scopes, ", ") + " alone",
           "if you trust its owner with this id, add the key to [trust.keys] and restart"});
      return nullptr;
    }
    const bool pinned = pinned_key_.empty() || pinned_key_ == found;
    add({"key", pinned_key_.empty() ? ids_of(keys_) : pinned_key_, found,
         pinned ? "ok" : "not the key that is pinned", relock()});
    return &*key;
  }

  void check_bytes(const PublicKey& key, const Signature& signature) {
    const Status valid = verify(key, signature, digest_);
    add({"signature", "of this file", valid ? "of this file" : "invalid",
         valid ? "ok" : valid.error().message, "get the file and its signature again"});
    if (valid) out_.key = key_text(key.id);
  }

  void check_comment(const Signature& signature) {
    const std::string want = comment_of(candidate_.id, candidate_.version, candidate_.abi);
    add({"comment", want, shorten(describe(boost::json::value(signature.comment), 200), 200),
         signature.comment == want ? "ok" : "signed as something else",
         "skep plugin sign writes the right comment"});
  }

  /// A script does not say outside of itself what it is, so the command does.
  std::string relock() const {
    const std::string command = "if this file is the one you want: skep plugin lock ";
    if (candidate_.abi != "lua") return command + "-c CONFIG";
    const auto known = [](const std::string& word, const char* otherwise) {
      return word.empty() ? std::string(otherwise) : word;
    };
    return command + candidate_.source + " --id " + known(candidate_.id, "NAME") + " --version " +
           known(candidate_.version, "VERSION") + " -c CONFIG";
  }
  void add(Finding row) { out_.rows.push_back(std::move(row)); }

  const Settings& settings_;
  const Candidate& candidate_;
  Judgement out_;
  Blake2b digest_{};
  std::vector<PublicKey> keys_;
  std::string pinned_key_;
};

}  // namespace

Result<Settings> Settings::from(const config::Config::Trust& config) {
  auto keys = Keyring::parse(config.keys);
  if (!keys) return keys.error();
  const std::string& policy = config.policy;
  if (policy != "none" && policy != "pin" && policy != "signature" && policy != "both")
    return config_error("trust.policy is \"" + policy +
                        "\"; expected none, pin, signature or both");
  return Settings{policy == "pin" || policy == "both", policy == "signature" || policy == "both",
                  config.lock_file, std::move(*keys)};
}

std::string Settings::policy() const {
  if (pin && signature) return "both";
  return pin ? "pin" : (signature ? "signature" : "none");
}

std::string looser_by(const Settings& before, const Settings& after) {
  if (before.pin && !after.pin) return "it no longer asks for a pin";
  if (before.signature && !after.signature) return "it no longer asks for a signature";
  if ((before.pin || before.signature) && before.lock_file != after.lock_file)
    return "it names another lock file";
  if (!before.signature) return {};
  const std::string scope = after.keys.scope_beyond(before.keys);
  return scope.empty() ? "" : "it trusts further keys for \"" + scope + "\"";
}

bool Judgement::ok() const {
  return std::all_of(rows.begin(), rows.end(), [](const Finding& f) { return f.verdict == "ok"; });
}

std::string Judgement::table(const Candidate& candidate, const Settings& settings) const {
  std::vector<std::string> wrong;
  std::vector<std::vector<std::string>> lines{{"field", "expected", "found", "verdict"}};
  for (const Finding& f : rows) {
    lines.push_back({f.field, f.expected, f.found, f.verdict});
    if (f.verdict != "ok") wrong.push_back(f.field);
  }
  const std::string what = candidate.id.empty()
                               ? candidate.source.substr(candidate.source.rfind('/') + 1)
                               : candidate.id + " " + candidate.version;
  return what + " (sha256 " + candidate.sha256.substr(0, 12) + ") " + said(*this, settings) +
         (ok() ? "" : ": " + join(wrong, ", ")) + aligned(lines);
}

Status Judgement::verdict(const Candidate& candidate, const Settings& settings) const {
  const auto wrong =
      std::find_if(rows.begin(), rows.end(), [](const Finding& f) { return f.verdict != "ok"; });
  if (wrong == rows.end()) return Status();
  return Error{Code::kDenied, table(candidate, settings), "untrusted", wrong->next};
}

Judgement judge(const Settings& settings, const Candidate& candidate) {
  return Judge(settings, candidate).run();
}

Judgement judge_signature(const Settings& settings, const Candidate& candidate) {
  return Judge(settings, candidate).run_signature();
}

Status admit(const Settings& settings, const Candidate& candidate) {
  return judge(settings, candidate).verdict(candidate, settings);
}

}  // namespace skep::trust
