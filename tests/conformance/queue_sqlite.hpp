// What the tests of the SQLite queue share: a queue on a file, and that file from outside.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "core/model/task.hpp"
#include "core/ports/queue.hpp"
#include "tests/support/sqlite_components.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::test {

inline std::unique_ptr<ports::Queue> open_queue(const std::string& path,
                                                const std::string& sync = "full") {
  auto queue = open_sqlite_queue(sqlite_config(path, sync));
  if (!queue) throw std::runtime_error(queue.error().message);
  return std::move(*queue);
}

inline model::Task task_named(const std::string& id, std::size_t bytes = 0) {
  model::Task task;
  task.id = id;
  task.spec.type = "t";
  if (bytes > 0) task.spec.params = R"({"x":")" + std::string(bytes, 'x') + "\"}";
  return task;
}

/// A file from outside.
class RawFile {
 public:
  explicit RawFile(const std::string& path) {
    EXPECT_EQ(sqlite3_open(path.c_str(), &db_), SQLITE_OK);
  }
  RawFile(const RawFile&) = delete;
  RawFile& operator=(const RawFile&) = delete;
  ~RawFile() { sqlite3_close(db_); }

  /// Runs all of it; the rows' columns with "|" and "\n" between them.
  std::string run(const std::string& sql) {
    std::string out;
    char* error = nullptr;
    const int rc = sqlite3_exec(
        db_, sql.c_str(),
        [](void* to, int n, char** values, char**) {
          for (int i = 0; i < n; ++i)
            *static_cast<std::string*>(to) +=
                std::string(values[i] != nullptr ? values[i] : "NULL") + (i + 1 < n ? '|' : '\n');
          return 0;
        },
        &out, &error);
    EXPECT_EQ(rc, SQLITE_OK) << (error != nullptr ? error : "") << ": " << sql;
    sqlite3_free(error);
    return out;
  }

 private:
  sqlite3* db_ = nullptr;
};

}  // namespace skep::test
