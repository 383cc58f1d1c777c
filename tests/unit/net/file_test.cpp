// Files as bodies: whole and in parts, in pieces and on one connection.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/base/id.hpp"
#include "core/base/sha256.hpp"
#include "net_support.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::net::test {
namespace {

class FileBodies : public testing::Test {
 protected:
  Route file_route() {
    return route("GET", "/file", [this](const HttpRequest& r) {
      UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
      return HttpResponse::of_file(r, std::move(fd), said, "tag", "text/plain");
    });
  }
  void write(const std::string& bytes) {
    std::ofstream(path, std::ios::trunc) << bytes;
    said = bytes.size();
  }
  static std::string asking(const std::string& header) {
    return "GET /file HTTP/1.1\r\nHost: localhost\r\n" + header + "\r\n\r\n";
  }

  skep::test::TempDir dir;
  const std::string path = dir.file("body");
  std::uint64_t said = 0;
};

TEST_F(FileBodies, more_than_a_piece_comes_whole_and_the_connection_stays) {
  std::string bytes;
  for (int i = 0; bytes.size() < (1 << 20) + 17; ++i) bytes += std::to_string(i);
  write(bytes);
  TestServer server({file_route()});
  RawClient client(server.port());
  for (int i = 0; i < 2; ++i) {
    client.send(get("/file"));
    const RawResponse r = client.read_response();
    EXPECT_EQ(r.status, 200);
    EXPECT_TRUE(r.body == bytes);
  }
  client.send(asking("Range: bytes=300000-"));
  const RawResponse part = client.read_response();
  EXPECT_EQ(part.status, 206);
  EXPECT_TRUE(part.body == bytes.substr(300'000));
  client.send(asking("If-None-Match: \"tag\""));
  EXPECT_EQ(client.read_response().status, 304);
}

TEST_F(FileBodies, an_empty_one_has_no_bytes) {
  write("");
  TestServer server({file_route()});
  RawClient client(server.port());
  client.send(get("/file"));
  const RawResponse r = client.read_response();
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.body, "");
}

TEST_F(FileBodies, one_that_is_shorter_than_it_was_ends_the_connection) {
  write(std::string(1000, 'x'));
  said = 2'000'000;
  TestServer server({file_route()});
  RawClient client(server.port());
  client.send(get("/file"));
  std::string all;
  EXPECT_TRUE(client.read_to_end(all));
  EXPECT_LT(all.size(), 2'000'000u);
}

TEST(Sha256, is_that_of_all_pieces) {
  Sha256 hash;
  EXPECT_EQ(hash.hex(), sha256_hex(""));
  std::string all;
  for (const std::string& piece : {std::string("a"), std::string(200, 'b'), std::string()}) {
    hash.update(piece);
    all += piece;
    EXPECT_EQ(hash.hex(), sha256_hex(all));
  }
}

}  // namespace
}  // namespace skep::net::test
