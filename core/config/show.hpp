// The configuration as people and programs see it.
#pragma once

#include <string>

#include "core/config/load.hpp"

namespace skep::config {

/// A complete TOML file that loads to the same configuration; with `origins`, each line says in a
/// comment where its value comes from. Members of plugin tables that look like secrets (password,
/// secret, token, key; the password of a URL) are shown as "***".
std::string show(const Loaded& loaded, bool origins);
/// {"config":{section:{key:value}}, "origins":{"section.key":{..}}, "warnings":[..]}, secrets as
/// above.
std::string show_json(const Loaded& loaded);
/// docs/reference/config.md.
std::string reference_markdown();

}  // namespace skep::config
