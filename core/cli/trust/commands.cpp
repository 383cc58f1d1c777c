// skep plugin keygen, sign, verify
#include "core/cli/trust/commands.hpp"

#include <sys/stat.h>

#include <boost/json.hpp>
#include <filesystem>
#include <ostream>

#include "core/base/file.hpp"
#include "core/cli/base/argument_file.hpp"
#include "core/cli/base/format.hpp"
#include "core/cli/base/node_config.hpp"
#include "core/cli/trust/subject.hpp"
#include "core/cli/trust/verbs.hpp"
#include "core/trust/secret_key.hpp"

namespace skep::cli {
namespace {

namespace fs = std::filesystem;

using trust::key_text;

Option password_option() {
  return {"password-file",         0, "FILE", "file with the password of the secret key", false, {},
          "SKEP_KEY_PASSWORD_FILE"};
}

/// The first line of --password-file; nothing when it is not given.
Expected<std::optional<std::string>> password(Invocation& call) {
  if (!call.args.has("password-file")) return std::optional<std::string>();
  auto text = read_argument_file(call.args.get("password-file"));
  if (!text) return text.error();
  text->resize(std::min(text->find_first_of("\r\n"), text->size()));
  if (text->empty()) return Failure(usage_error("the password file is empty"));
  return std::optional<std::string>(std::move(*text));
}

/// A folder of our own making is nobody else's; one that is there keeps its mode.
Status make_folder(const fs::path& folder) {
  std::error_code ec;
  const bool made = fs::create_directories(folder, ec);
  if (!ec && made) fs::permissions(folder, fs::perms::owner_all, ec);
  return ec ? Status(folder_error(folder.string(), ec.value())) : Status();
}

Expected<int> keygen(Invocation& call) {
  const fs::path folder = call.args.get("dir", ".");
  const std::string secret_file = (folder / (call.args.get("name", "skep") + ".key")).string();
  const std::string public_file = (folder / (call.args.get("name", "skep") + ".pub")).string();
  const auto secret = password(call);
  if (!secret) return secret.error();
  SKEP_TRY(make_folder(folder));
  const auto key = trust::SecretKey::generate();
  const auto text = key.file(*secret);
  if (!text) return text.error();
  SKEP_TRY(create_file(secret_file, *text, S_IRUSR | S_IWUSR));
  SKEP_TRY(create_file(public_file, key.public_key().file(), 0644));
  const std::string line = key.public_key().line();
  const json::object document{{"key", key_text(key.public_key().id)},
                              {"public_key", line},
                              {"public_file", public_file},
                              {"secret_file", secret_file},
                              {"protected", secret->has_value()}};
  if (print_document(call.console, call.format, document, "key")) return 0;
  call.console.out << "key     " << key_text(key.public_key().id) << "\nsecret  " << secret_file
                   << (secret->has_value() ? "" : "  (no password: keep it off this network)")
                   << "\npublic  " << public_file << '\n';
  call.console.note(
      "next: nodes that shall trust it get\n  [trust.keys]\n  \"com.example.\" = [\"" + line +
      "\"]");
  return 0;
}

Expected<trust::SecretKey> secret_key(Invocation& call) {
  const std::string file = call.args.get("key");
  if (file.empty())
    return Failure(usage_error("no secret key is given", "-k FILE; skep plugin keygen makes one"));
  const auto text = read_argument_file(file);
  if (!text) return text.error();
  struct stat st {};
  if (::stat(file.c_str(), &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return Failure(Error{Code::kDenied, "others may read the secret key " + file, "key-exposed",
                         "chmod 600 " + file + ", and think of making a new one"});
  const auto secret = password(call);
  if (!secret) return secret.error();
  auto key = trust::SecretKey::parse(*text, *secret);
  if (!key) return Failure(key.error().within(file));
  return std::move(*key);
}

std::vector<Column> signature_columns() {
  const auto text = [](const char* key) {
    return [key](const json::object& o) { return Cell(get_string(o, key)); };
  };
  return {{"SIGNATURE", text("signature")}, {"COMMENT", text("comment")}, {"KEY", text("key")}};
}

Expected<int> sign(Invocation& call) {
  const auto key = secret_key(call);
  if (!key) return key.error();
  const auto files = call.args.all("FILE");
  if (files.size() > 1 && call.args.has("id"))
    return Failure(usage_error("--id names one script; sign them one by one"));
  json::array items;
  for (const std::string& file : files) {
    const auto subject = subject_of(call, file);
    if (!subject) return subject.error();
    const trust::Candidate& a = subject->candidate;
    const auto signature =
        key->sign(subject->digests.blake2b, trust::comment_of(a.id, a.version, a.abi));
    SKEP_TRY(replace_file(file + ".minisig", signature.file(), 0644));
    items.push_back(json::object{{"signature", file + ".minisig"},
                                 {"comment", signature.comment},
                                 {"id", a.id},
                                 {"version", a.version},
                                 {"key", key_text(signature.key)}});
  }
  const json::object document{{"items", std::move(items)}, {"next_cursor", nullptr}};
  print_list(call.console, call.format, document, signature_columns(), "signature", "");
  return 0;
}

/// The settings that -k PUBLIC stands for: this key, for every id.
Expected<trust::Settings> settings_of_key(const std::string& key) {
  std::error_code ec;  // what is no file is a line
  std::string line = key;
  if (fs::exists(key, ec)) {
    auto text = read_argument_file(key);
    if (!text) return text.error();
    const auto parsed = trust::PublicKey::parse(*text);
    if (!parsed) return Failure(parsed.error().within(key));
    line = parsed->line();
  }
  auto ring = trust::Keyring::parse({{"*", {line}}});
  if (!ring) return ring.error();
  return trust::Settings{false, true, {}, std::move(*ring)};
}

Expected<trust::Settings> settings_of_config(Invocation& call) {
  const auto loaded = load_config(call);
  if (!loaded) return loaded.error();
  auto settings = trust::Settings::from(loaded->config.trust);
  if (!settings) return settings.error();
  return std::move(*settings);
}

json::object document_of(const trust::Candidate& a, const trust::Judgement& judgement) {
  json::array rows;
  for (const trust::Finding& f : judgement.rows)
    rows.push_back(json::object{
        {"field", f.field}, {"expected", f.expected}, {"found", f.found}, {"verdict", f.verdict}});
  return {{"id", a.id},           {"version", a.version}, {"sha256", a.sha256},
          {"key", judgement.key}, {"ok", judgement.ok()}, {"rows", std::move(rows)}};
}

Expected<int> verify(Invocation& call) {
  // SKEP_CONFIG may be set all the time; -k is meant for this call.
  const bool by_key = call.args.has("key");
  const auto settings = by_key ? settings_of_key(call.args.get("key")) : settings_of_config(call);
  if (!settings) return settings.error();
  const auto subject = subject_of(call, call.args.get("FILE"));
  if (!subject) return subject.error();
  const trust::Candidate& a = subject->candidate;
  const auto judgement = by_key ? trust::judge_signature(*settings, a) : trust::judge(*settings, a);
  SKEP_TRY(judgement.verdict(a, *settings));
  if (!print_document(call.console, call.format, document_of(a, judgement), "id"))
    call.console.out << printable(judgement.table(a, *settings), true) << '\n';
  return 0;
}

}  // namespace

std::vector<Command> trust_commands() {
  Command make{"plugin keygen",
               "make a key pair for signing plugins and scripts (minisign's format)"};
  make.options = {{"dir", 'd', "FOLDER", "where NAME.key and NAME.pub go (here)"},
                  {"name", 0, "NAME", "name of the two files (skep)"},
                  password_option()};
  make.run = keygen;
  make.examples = {"skep plugin keygen -d ~/keys --name acme"};
  Command put{"plugin sign", "sign plugins or a script: writes FILE.minisig beside each"};
  put.positionals = {{"FILE", "plugin (.so) or script (.lua)", true, {}, true}};
  put.options = {{"key", 'k', "FILE", "secret key, of keygen or of minisign -G"},
                 password_option()};
  for (Option& o : subject_options()) put.options.push_back(std::move(o));
  put.run = sign;
  put.examples = {"skep plugin sign hello.so -k acme.key"};
  Command test{"plugin verify",
               "say whether a file may be loaded, and everything that speaks for it"};
  test.positionals = {{"FILE", "plugin (.so) or script (.lua)"}};
  test.options = config_options();
  test.options.push_back(
      {"key", 'k', "PUBLIC", "only its signature, by this public key: file or line"});
  for (Option& o : subject_options()) test.options.push_back(std::move(o));
  test.run = verify;
  test.examples = {"skep plugin verify hello.so -k acme.pub",
                   "skep plugin verify hello.so -c node.toml"};
  return {std::move(make), std::move(put), std::move(test), lock_command()};
}

}  // namespace skep::cli
