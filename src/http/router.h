// Finds the handler for a method and path. Patterns are literal segments and {names}, each of which
// matches one non-empty segment: "/images/{file}"; a {name...} at the end matches all that is left
// of the path, slashes included. Where several patterns match a path, the one with a literal
// segment before the others' name wins, and a name before one with dots. Built at start-up, then
// read by any thread.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "http/message.h"

namespace reprise::http {

using Handler = std::function<Task<Response>(RequestPtr)>;

class Router {
 public:
  struct Route {
    std::string method;
    std::string pattern;
    std::vector<std::string> segments;
    Handler handler;
  };

  // A HEAD request is answered by the GET route, without its body.
  void Add(std::string method, std::string pattern, Handler handler);

  struct Match {
    const Handler* handler = nullptr;  // null: nothing matches
    std::vector<std::string> params;
    std::string allow;  // when only the method is wrong: the methods the path has, "GET, HEAD"
  };
  Match Find(std::string_view method, std::string_view path) const;

  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
  // Which of them begin with a segment; those that begin with a name.
  std::map<std::string, std::vector<std::size_t>, std::less<>> by_first_;
  std::vector<std::size_t> with_any_first_;
};

// "%20" and so on; "+" stays as it is. Sequences that are not valid stay as they are.
std::string PercentDecode(std::string_view text);

}  // namespace reprise::http
