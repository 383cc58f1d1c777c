// May this plugin or script be loaded? Everything that was expected and found, row by row.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/config/config.hpp"
#include "core/trust/keyring.hpp"

namespace skep::trust {

struct Settings {
  bool pin = false;        ///< the lock file must list exactly these bytes
  bool signature = false;  ///< a key of the id's scope must have signed them
  std::string lock_file{};
  Keyring keys{};

  /// kConfig for a policy or key that is wrong.
  static Result<Settings> from(const config::Config::Trust& config);
  std::string policy() const;  ///< "none", "pin", "signature" or "both"
};

/// What `after` would admit that `before` does not, in words; "" when it is as strict.
std::string looser_by(const Settings& before, const Settings& after);

/// What is about to be loaded. `copy` is a private copy that nobody changes any more; `source` is
/// where it came from, with its signature in SOURCE.minisig.
struct Candidate {
  /// "" = nothing of it was read or run yet: the bytes have to be pinned, or signed by a trusted
  /// key, under whatever id. It is asked about again when its id is known.
  std::string id;
  std::string version;
  std::string abi;
  std::string sha256;
  std::string copy;
  std::string source;
};

struct Finding {
  std::string field;
  std::string expected;
  std::string found;
  std::string verdict = "ok";
  std::string next{};
};

struct Judgement {
  std::vector<Finding> rows;
  std::string key{};             ///< id of the key whose signature holds, "" = none
  bool signature_alone = false;  ///< of judge_signature(): no policy has been asked

  bool ok() const;
  /// kDenied with the table and the next step of the first row that is wrong.
  Status verdict(const Candidate& candidate, const Settings& settings) const;
  /// "com.acme.disk 1.0.0 (sha256 3f9c..) refused by policy "both": key", or of the signature alone
  /// whether it holds, and an aligned line a row.
  std::string table(const Candidate& candidate, const Settings& settings) const;
};

/// Reads the copy, the signature and the lock file anew. [any]
Judgement judge(const Settings& settings, const Candidate& candidate);
/// Only whether the signature holds: what an author or a buyer of a file wants to know. [any]
Judgement judge_signature(const Settings& settings, const Candidate& candidate);
/// The verdict of judge(). Without a policy only a folder that everybody may write is refused.
/// [any]
Status admit(const Settings& settings, const Candidate& candidate);

}  // namespace skep::trust
