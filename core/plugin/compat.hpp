// Does a plugin fit this host? Answered from the manifest alone, before any of its code runs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/manifest.hpp"

namespace skep::plugin {

/// What a host offers. host_abi() is this host; tests bring others.
struct HostAbi {
  int major = 1;
  int minor = 0;
  std::vector<std::string> kinds;     ///< "skep.kind.task/1"
  std::vector<std::string> services;  ///< "skep.svc.log/1"
};
const HostAbi& host_abi();

/// One row of the table that an operator sees.
struct CompatRow {
  std::string field;
  std::string plugin;
  std::string host;
  std::string verdict;  ///< "ok", or what is wrong and what to do
};

struct Compat {
  std::vector<CompatRow> rows;
  bool ok() const;
  /// "plugin com.acme.hello 1.0.0 (sha256 3f9c..) refused: .." and one aligned line per row.
  std::string table(const Manifest& manifest, std::string_view sha256) const;
};

Compat check_compat(const Manifest& manifest, const HostAbi& host);
/// kInvalid "incompatible-plugin" with that table when it does not fit: what a start, a reload, an
/// install and a publication say alike. [any]
Status check_fit(const Manifest& manifest, std::string_view sha256,
                 const HostAbi& host = host_abi());

}  // namespace skep::plugin
