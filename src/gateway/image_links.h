// Where replies say that images are.
#pragma once

#include <string>
#include <string_view>

namespace reprise {

class Access;

class ImageLinks {
 public:
  // `base` is "http://host:port", without a slash at its end; `access`, null or longer-lived, says
  // whether links are signed.
  ImageLinks(std::string_view base, const Access* access = nullptr)
      : base_(base), access_(access) {}
  ImageLinks(const std::string& base) : ImageLinks(std::string_view(base)) {}
  ImageLinks(const char* base) : ImageLinks(std::string_view(base)) {}

  // The link to the image of that name.
  std::string To(std::string_view name) const;

 private:
  std::string base_;
  const Access* access_;
};

}  // namespace reprise
