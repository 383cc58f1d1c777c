// The versions of one task type that a control plane knows, told apart by their parameter schemas.
//
// Which of them take a task's parameters becomes a requirement of the task
// (core/model/placement.hpp). A worker fulfils it when its own version is one of those, or takes
// everything that one of them does, or says how to bring parameters of that one's number to its
// own ("x-migrations"): so an upgrade that breaks nothing takes over what waits.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/api/schema.hpp"
#include "core/ports/task_runner.hpp"

namespace skep::control {

struct TypeVersion {
  /// A schema that does not compile takes any parameters, and is logged.
  static TypeVersion of(const ports::TaskType& type);
  static std::string id_of(const ports::TaskType& type);  ///< its schema_id

  ports::TaskType type;   ///< the last one said to have this schema
  std::string schema_id;  ///< 12 hexadecimal digits, of its schema alone
  std::shared_ptr<const api::Schema> schema;
  bool on_workers = false;
  bool own = false;  ///< found in this node's plugin paths
};

/// Not thread-safe; a const one is [any].
class TypeVersions {
 public:
  /// Beyond it, one that nobody runs and no task names gives way to another.
  static constexpr std::size_t kMost = 64;
  /// The same while there are too many tasks to know what they name.
  static constexpr std::size_t kMostUnseen = 256;

  /// It becomes the newest, in the place of one with the same schema.
  void add(TypeVersion version);
  /// The schema ids of those that are neither on workers nor own, oldest first.
  std::vector<std::string> idle() const;
  /// What is accepted by it alone has no worker from then on.
  void forget(std::string_view schema_id);
  /// Null when unknown. What it says of use may be changed.
  TypeVersion* find(std::string_view schema_id);
  /// The same by the schema's text, as the worker says it.
  const TypeVersion* find_text(std::string_view params_schema) const;

  /// Oldest first.
  const std::vector<TypeVersion>& all() const { return versions_; }
  /// Newest first: those on workers, or else the own one.
  std::vector<const TypeVersion*> in_use() const;
  bool runs_somewhere() const;

  /// What a task needs whose parameters these of in_use() take, at least one: those of them that
  /// take the least.
  std::string requirement(const std::vector<const TypeVersion*>& accepting) const;
  /// The capabilities of a worker with this version: to take what it, each version of which it
  /// takes everything, and each that it migrates from, takes.
  const std::vector<std::string>& capabilities_of(const TypeVersion& version) const;

 private:
  std::size_t index_of(const TypeVersion& version) const;
  void erase(std::size_t version);
  void list_capabilities();
  bool is_minimal(const std::vector<std::size_t>& set, std::size_t version) const;

  std::vector<TypeVersion> versions_;
  std::vector<std::vector<bool>> covers_;  ///< [a][b]: a takes everything that b does
  std::vector<std::vector<std::string>> capabilities_;
};

}  // namespace skep::control
