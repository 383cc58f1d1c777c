#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <filesystem>

#include "core/net/unix_socket.hpp"
#include "net_support.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::net::test {
namespace {

namespace fs = std::filesystem;
using skep::test::TempDir;

std::vector<Route> who_routes() {
  return {route(
      "GET", "/who", [](const HttpRequest& r) { return HttpResponse::json('"' + r.peer + '"'); }, 0,
      Right::kOperate)};
}

ServerOptions unix_options(const std::string& path) {
  ServerOptions options;
  options.unix_socket = path;
  options.callers.token = "secret";
  return options;
}

Result<ClientResponse> ask(const std::string& path) {
  ClientRequest request;
  request.url = "http://localhost/who";
  request.unix_socket = path;
  return HttpClient().send(request);
}

TEST(UnixSocket, serves_its_owner_without_a_token) {
  const TempDir dir;
  const std::string path = dir.path() + "/node.sock";
  TestServer server(who_routes(), unix_options(path));
  EXPECT_EQ(server.url(), "unix:" + path);
  const auto answer = ask(path);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "\"unix:pid " + std::to_string(::getpid()) + '"');
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777u, 0600u);
}

TEST(UnixSocket, is_removed_at_stop) {
  const TempDir dir;
  const std::string path = dir.path() + "/node.sock";
  {
    TestServer server(who_routes(), unix_options(path));
    ASSERT_TRUE(fs::exists(path));
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(UnixSocket, is_made_anew_when_somebody_removes_it) {
  const TempDir dir;
  const std::string path = dir.path() + "/node.sock";
  const std::string away = dir.path() + "-away";
  TestServer server(who_routes(), unix_options(path));
  const auto serves_again = [&] { return eventually([&] { return ask(path).has_value(); }); };
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(fs::remove(path));
    ASSERT_TRUE(serves_again());
  }
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777u, 0600u);
  fs::rename(dir.path(), away);
  ASSERT_FALSE(ask(path));
  fs::create_directory(dir.path());
  EXPECT_TRUE(serves_again()) << "also in a folder that is made again";
  fs::remove_all(away);
}

TEST(UnixSocket, replaces_what_a_dead_process_left) {
  const TempDir dir;
  const std::string path = dir.path() + "/node.sock";
  const pid_t child = ::fork();
  if (child == 0) {
    const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    ::_exit(::bind(fd.get(), generic, sizeof(address)) == 0 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(fs::exists(path));
  TestServer server(who_routes(), unix_options(path));
  EXPECT_TRUE(ask(path));
}

TEST(UnixSocket, refuses_the_path_of_a_living_process) {
  const TempDir dir;
  const std::string path = dir.path() + "/node.sock";
  int ready[2];
  int leave[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(leave), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(leave[1]);
    const auto claim = SocketClaim::claim(path);
    char byte = claim ? 'y' : 'n';
    [[maybe_unused]] const auto written = ::write(ready[1], &byte, 1);
    [[maybe_unused]] const auto got = ::read(leave[0], &byte, 1);
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'y');
  HttpServer server(unix_options(path), Router(who_routes()));
  const Status started = server.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::kState);
  EXPECT_NE(started.error().message.find("pid " + std::to_string(child)), std::string::npos)
      << started.error().message;
  for (const int fd : {leave[0], leave[1], ready[0], ready[1]}) ::close(fd);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(SocketClaim::claim(path));
}

TEST(UnixSocket, takes_a_path_longer_than_a_socket_address) {
  const TempDir dir;
  const std::string folder = dir.path() + "/" + std::string(60, 'a') + "/" + std::string(60, 'b');
  fs::create_directories(folder);
  const std::string path = folder + "/node.sock";
  TestServer server(who_routes(), unix_options(path));
  EXPECT_TRUE(fs::exists(path));
  EXPECT_TRUE(ask(path));
  const auto too_long = SocketPath::open(folder + "/" + std::string(120, 'c'));
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code, Code::kInvalid);
}

TEST(UnixSocket, says_that_nobody_serves) {
  const TempDir dir;
  const auto answer = ask(dir.path() + "/node.sock");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace skep::net::test
