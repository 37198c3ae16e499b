// multipart/form-data (RFC 7578), written. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace reprise {

class FormWriter {
 public:
  void AddField(std::string_view name, std::string value);
  void AddFile(std::string_view name, std::string_view filename, std::string_view media_type,
               SharedBytes bytes);

  struct Form {
    std::string content_type;  // with a boundary that occurs in no part
    std::string body;
  };
  Form Finish() const;

 private:
  struct Part {
    std::string head;
    SharedBytes bytes;
  };
  std::vector<Part> parts_;
};

}  // namespace reprise
