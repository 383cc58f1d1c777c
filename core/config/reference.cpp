#include <boost/json.hpp>

#include "core/base/json.hpp"
#include "core/config/layers.hpp"
#include "core/config/show.hpp"

namespace skep::config {
namespace {

constexpr std::string_view kHead = R"(# Configuration reference

Generated from the key table of the program by `gen_docs --write`; a test compares them.

A node reads one TOML file. Every key has a default; a file that sets nothing at all is refused, because
a node must be told what it is. Without a file, variables that name the roles or the control plane will do.
`skep config check -c FILE` says what is wrong with a file, `skep config show -c FILE --origin` where
each value comes from.

**Layers.** Default, then the file, then the environment, then flags; the later one wins, key by key.
A variable that is set to nothing counts as not set. When two names of one key are set and differ, the
node does not start.

**Variables.** Every key is also `SKEP_SECTION_KEY`; the `WORKER_` names are those of the runbooks.
Lists are separated by commas (`a,b`) or written as JSON (`["a","b"]`), tables are JSON
(`{"docker": true, "gpu": false}`).

**Paths.** A relative path of the file starts at the folder of the file; a relative path of a variable,
a flag or a default starts at the working directory. `~` is refused. Paths inside the tables of plugins
belong to the plugin, except `[spool] dir` and a `path` of `[queue]`, `[store]`, `[spool]` or `[heartbeat]`. A queue or
store that takes a `path` and is given none gets `state_dir/queue.db` or `store.db`; one that is not the shipped
one gets a file of its own there, `state_dir/NAME-queue.db`.

**Times.** Keys in seconds or days are numbers, or texts with a unit: `"250ms"`, `"30s"`, `"5m"`, `"2h"`, `"7d"`. So are
members of the tables of plugins and scripts whose names end in `_seconds`.

**Who may write it.** A file that everybody may write, or that lies in a folder where everybody may replace it,
is refused.

**Mistakes.** Unknown sections and keys, wrong types, values out of range and keys that contradict each
other are errors. All of them are listed at once, each as `file:line:column: what`, and the program
exits with 78. An unknown `SKEP_` variable is a warning. `config check` lists what is wrong with plugins,
components and token files along with them, unless `[node]`, `[plugins]`, a component or the form of the file is
wrong: what these choose is checked once they are right.

**Changes.** *live*: the key can change while the node runs. *restart*: the node must be started again.

)";

constexpr std::string_view kComponentNote =
    "\nAll other keys of this table belong to the plugin and are checked against its schema. The\n"
    "variable `SKEP_%_NAME` sets the key `name`.\n";

constexpr std::string_view kScriptNote = R"(
`[scripts.NAME]` is about one task type: `allow` (instead of the list above), `enabled`,
`timeout_seconds` (instead of what the script says) and `max_concurrency`. The scripts that come with the
program get what they declare, unless `allow` here says otherwise. What the permissions are:
[permissions.md](../permissions.md).
)";

constexpr std::string_view kPluginNote = R"(
`[plugins.NAME]` is the table of one plugin: its own keys, checked against its schema. Names with dots
are quoted: `[plugins."com.acme.disk"]`. There are no variables for them; the flag
`plugins.NAME.key=value` sets one.
)";

constexpr std::string_view kSecretNote =
    R"(`[secrets.NAME]` is one value that plugins and scripts may ask for by name (`skep.svc.secret`, `ctx.secret`).

| Key | Type | Default | Change | Meaning |
|---|---|---|---|---|
| `file` | path | must be set | live | File that holds the value, read each time it is asked for. It must belong to the node's user or to root, be closed to all others (`chmod 600`) and hold 4 bytes to 64 KiB of UTF-8; one line end at its end is left out. |
| `plugins` | list of strings | `[]` | live | Who may have it: ids of plugins, `"script:NAME"` for scripts. |

```toml
[secrets]
db_password = { file = "secrets/db", plugins = ["com.acme.backup", "script:report"] }
```

The plugin's manifest or the script must name the permission `secrets`. What was given out is shown as `***` in the
output, results, errors and log lines of whoever got it. There are no variables for these keys.
)";

std::string_view title(std::string_view section) {
  if (section == "node") return "who and where the node is";
  if (section == "http") return "the API of a control plane";
  if (section == "control") return "leases, retries and liveness, on a control plane";
  if (section == "worker") return "the work a worker takes";
  if (section == "log") return "what the node writes to stderr";
  if (section == "plugins") return "where plugins are, and their tables";
  if (section == "scripts") return "where Lua tasks are";
  if (section == "secrets") return "values for plugins and scripts that nobody sees";
  if (section == "trust") return "which plugins and scripts may be loaded";
  return "the plugin of this component, and its table";
}

std::string environment_cell(const Key& key) {
  std::string out = "`" + key.environment() + "`";
  for (const std::string_view alias : key.aliases) out += ", `" + std::string(alias) + "`";
  return out;
}

struct TypeName {
  const Key& key;
  std::string range() const {
    const std::string text = expected(key);
    return text.substr(text.find(" from ") + 1);
  }
  std::string operator()(bool* (*)(Config&)) const { return "true or false"; }
  std::string operator()(int* (*)(Config&)) const { return "integer " + range(); }
  std::string operator()(double* (*)(Config&)) const {
    return std::string(key.unit) + " " + range();
  }
  std::string operator()(std::string* (*)(Config&)) const { return text(); }
  std::string operator()(std::pair<ComponentTable*, std::string_view> (*)(Config&)) const {
    return text();
  }
  std::string operator()(std::vector<std::string>* (*)(Config&)) const {
    return "list of " + text() + "s";
  }
  std::string operator()(std::map<std::string, bool>* (*)(Config&)) const {
    return "table of true and false";
  }
  std::string operator()(std::map<std::string, std::vector<std::string>>* (*)(Config&)) const {
    return "table of lists of strings";
  }
  std::string text() const { return key.format == Format::kPath ? "path" : "string"; }
};

std::string default_cell(const Key& key) {
  const json::value value = get(Config{}, key);
  if (value.is_double()) return "`" + JsonOut().number(value.get_double()).take() + "`";
  return "`" + to_text(value) + "`";
}

std::string row(const Key& key) {
  return "| `" + std::string(key.name) + "` | " + std::visit(TypeName{key}, key.field) + " | " +
         default_cell(key) + " | " + environment_cell(key) + " | " +
         (key.live ? "live" : "restart") + " | " + std::string(key.doc) + " |\n";
}

std::string component_note(const std::string& section) {
  std::string prefix = environment_name(section, "");
  std::string note(kComponentNote);
  return note.replace(note.find("SKEP_%_"), 7, prefix);
}

}  // namespace

std::string reference_markdown() {
  std::string out(kHead);
  for (const std::string& section : section_names()) {
    out += "## [" + section + "]: " + std::string(title(section)) + "\n\n";
    if (section == "secrets") {
      out += kSecretNote;
      continue;
    }
    out += "| Key | Type | Default | Environment | Change | Meaning |\n|---|---|---|---|---|---|\n";
    for (const Key& key : keys())
      if (key.section == section) out += row(key);
    if (find_component_section(section) != nullptr) out += component_note(section);
    if (section == "plugins") out += kPluginNote;
    if (section == "scripts") out += kScriptNote;
    if (section != section_names().back()) out += '\n';
  }
  return out;
}

}  // namespace skep::config
