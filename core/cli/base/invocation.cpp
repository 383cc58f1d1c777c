#include "core/cli/base/invocation.hpp"

#include <istream>
#include <iterator>

#include "core/base/file.hpp"
#include "core/base/token.hpp"
#include "core/cli/base/argument_file.hpp"
#include "core/cli/base/interrupt.hpp"

namespace skep::cli {
namespace {

Result<std::string> read_token(const std::string& path) {
  if (path.empty()) return std::string();
  const auto text = load_input(path, 64 << 10);
  if (!text) return Error{Code::kDenied, "token file \"" + path + "\" cannot be read"};
  auto token = token_in(*text, "token file \"" + path + "\"");
  if (!token) return Error{Code::kDenied, token.error().message, "", token.error().next};
  return token;
}

}  // namespace

Expected<Client> Invocation::connect(const Destination& to) {
  Destination with_token = to;
  with_token.token_file = args.get("token-file", to.token_file);
  auto token = read_token(with_token.token_file);
  if (!token) return token.error();
  // A command with a --timeout of its own means the task's, not the answer's.
  const auto timeout = args.duration("timeout", Millis{30'000});
  if (!timeout) return timeout.error();
  auto made = Client::make(with_token, std::move(*token), *timeout, transport_, &interrupted());
  if (!made) return made.error();
  if (args.has("timeout")) made->set_patience(*timeout);
  return std::move(*made);
}

Expected<Client*> Invocation::api() {
  if (client_) return &*client_;
  const auto to = destination_of(*this, Reach::kControlPlane);
  if (!to) return to.error();
  auto made = connect(*to);
  if (!made) return made.error();
  client_.emplace(std::move(*made));
  return &*client_;
}

Expected<Client> Invocation::node(Reach reach) {
  const auto to = destination_of(*this, reach);
  if (!to) return to.error();
  return connect(*to);
}

Result<std::string> Invocation::text_argument(const std::string& argument, std::string_view what) {
  if (argument == "-" || argument == "@-")
    return std::string(std::istreambuf_iterator<char>(input), std::istreambuf_iterator<char>());
  if (!argument.starts_with('@')) return argument;
  auto text = read_argument_file(argument.substr(1));
  if (!text) return text.error().within(what);
  return text;
}

}  // namespace skep::cli
