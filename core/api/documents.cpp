#include "core/api/documents.hpp"

#include <iterator>

#include "core/api/artifact_json.hpp"
#include "core/api/node_json.hpp"
#include "core/api/overview_json.hpp"
#include "core/api/process_json.hpp"
#include "core/api/release_json.hpp"
#include "core/api/task_json.hpp"
#include "core/api/task_views.hpp"
#include "core/api/wire_documents.hpp"
#include "core/api/worker_json.hpp"

namespace skep::api {

Documents documents() {
  Documents all;
  for (const auto family :
       {process_documents, task_documents, task_view_documents, worker_documents, wire_documents,
        release_documents, artifact_documents, overview_documents, node_documents}) {
    Documents some = family();
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  return all;
}

std::string schemas() {
  std::string out;
  for (const auto& [name, schema] : documents())
    out += (out.empty() ? "\"" : ",\"") + name + "\":" + schema;
  return out;
}

}  // namespace skep::api
