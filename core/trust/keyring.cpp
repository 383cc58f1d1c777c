#include "core/trust/keyring.hpp"

#include <algorithm>

#include "core/base/describe.hpp"
#include "core/base/id.hpp"
#include "core/base/text.hpp"

namespace skep::trust {
namespace {

bool fits(std::string_view scope, std::string_view id) {
  return scope == "*" || scope == id || (scope.ends_with('.') && id.starts_with(scope));
}

std::string check_scope(std::string_view scope) {
  if (scope == "*") return {};
  std::string_view name = scope;
  if (name.ends_with(".*"))
    return "write \"" + std::string(name.substr(0, name.size() - 1)) + "\" for all ids below it";
  if (name.ends_with('.')) name.remove_suffix(1);
  return is_name(name) ? ""
                       : "expected an id, the start of ids up to a dot such as \"com.acme.\", or "
                         "\"*\"";
}

}  // namespace

Result<Keyring> Keyring::parse(const std::map<std::string, std::vector<std::string>>& keys) {
  Keyring out;
  std::vector<std::string> problems;
  for (const auto& [scope, lines] : keys) {
    const std::string where = "trust.keys.\"" + shorten(scope) + "\"";
    if (const std::string why = check_scope(scope); !why.empty())
      problems.push_back(where + ": " + why);
    std::vector<PublicKey>& here = out.keys_[scope];
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const auto key = PublicKey::parse(lines[i]);
      if (key)
        here.push_back(*key);
      else
        problems.push_back(where + "[" + std::to_string(i) + "]: " + key.error().message);
    }
  }
  if (problems.empty()) return out;
  return config_error(join(problems, "\n")).named("trust-keys").with_next("skep plugin keygen");
}

std::vector<PublicKey> Keyring::keys_for(std::string_view id) const {
  const std::pair<const std::string, std::vector<PublicKey>>* best = nullptr;
  const auto rank = [](const std::string& scope) { return scope == "*" ? 0 : scope.size(); };
  for (const auto& entry : keys_)
    if (fits(entry.first, id) && (best == nullptr || rank(entry.first) > rank(best->first)))
      best = &entry;
  return best == nullptr ? std::vector<PublicKey>{} : best->second;
}

std::vector<PublicKey> Keyring::all() const {
  std::vector<PublicKey> out;
  for (const auto& [scope, keys] : keys_) out.insert(out.end(), keys.begin(), keys.end());
  return out;
}

std::vector<std::string> Keyring::scopes_of(const KeyId& id) const {
  std::vector<std::string> out;
  for (const auto& [scope, keys] : keys_)
    if (std::any_of(keys.begin(), keys.end(), [&](const PublicKey& k) { return k.id == id; }))
      out.push_back(scope);
  return out;
}

std::string Keyring::scope_beyond(const Keyring& other) const {
  // Between two scopes of either ring nothing changes, so looking at each of them is enough.
  std::vector<std::string> scopes;
  for (const Keyring* ring : {this, &other})
    for (const auto& [scope, keys] : ring->keys_) scopes.push_back(scope);
  for (const std::string& scope : scopes) {
    const auto theirs = other.keys_for(scope);
    for (const PublicKey& key : keys_for(scope))
      if (std::find(theirs.begin(), theirs.end(), key) == theirs.end()) return scope;
  }
  return {};
}

}  // namespace skep::trust
