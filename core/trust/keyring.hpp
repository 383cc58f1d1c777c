// The public keys of [trust.keys], each bound to the ids that it may sign.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/trust/minisign.hpp"

namespace skep::trust {

class Keyring {
 public:
  /// Scopes are an id, a start of ids that ends in a dot ("com.acme."), or "*". kConfig with every
  /// scope and key that is wrong, one a line.
  static Result<Keyring> parse(const std::map<std::string, std::vector<std::string>>& keys);

  /// The keys of the longest scope that fits `id`; those of shorter scopes do not count.
  std::vector<PublicKey> keys_for(std::string_view id) const;
  /// The keys of all scopes.
  std::vector<PublicKey> all() const;
  /// Scopes that have a key of this id, for messages.
  std::vector<std::string> scopes_of(const KeyId& id) const;
  /// A scope in which this ring takes a key that `other` does not take there, or "".
  std::string scope_beyond(const Keyring& other) const;

 private:
  std::map<std::string, std::vector<PublicKey>, std::less<>> keys_;
};

}  // namespace skep::trust
