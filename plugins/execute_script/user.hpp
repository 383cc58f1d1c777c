// Another user as whom scripts run.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace skep::script {

struct User {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::string setpriv;  ///< the program that becomes him
};

/// Throws Fault: this process is not root's, there is no such user, it is root, or this machine
/// lacks setpriv. Asks the user database, so not for each task.
User find_user(const std::string& name);

/// HOME, else the home of this process' user; "" = neither is known. Not for each task either.
std::string own_home();

/// `command` as `user`: with his groups and nobody else's, no capability, and still ended with us.
std::vector<std::string> as_user(const User& user, std::vector<std::string> command);

/// The program that `name` stands for, looked up in the node's PATH and not in the task's; throws
/// Fault when there is none.
std::string find_interpreter(const std::string& name);

}  // namespace skep::script
