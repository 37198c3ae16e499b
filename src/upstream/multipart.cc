#include "upstream/multipart.h"

#include <algorithm>

namespace reprise {
namespace {

// Names come from callers; WHATWG's form encoding keeps them inside their quotes.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') {
      quoted += "%22";
    } else if (c == '\r') {
      quoted += "%0D";
    } else if (c == '\n') {
      quoted += "%0A";
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

}  // namespace

void FormWriter::AddField(std::string_view name, std::string value) {
  parts_.push_back({"Content-Disposition: form-data; name=" + Quoted(name) + "\r\n\r\n",
                    ShareBytes(std::move(value))});
}

void FormWriter::AddFile(std::string_view name, std::string_view filename,
                         std::string_view media_type, SharedBytes bytes) {
  parts_.push_back({"Content-Disposition: form-data; name=" + Quoted(name) +
                        "; filename=" + Quoted(filename) +
                        "\r\nContent-Type: " + std::string(media_type) + "\r\n\r\n",
                    std::move(bytes)});
}

FormWriter::Form FormWriter::Finish() const {
  std::string boundary;
  const auto occurs = [&](const Part& part) {
    return part.bytes->find(boundary) != std::string::npos;
  };
  for (int i = 0; boundary.empty() || std::any_of(parts_.begin(), parts_.end(), occurs); ++i) {
    boundary = "reprise-form-boundary-" + std::to_string(i);
  }
  Form form{.content_type = "multipart/form-data; boundary=" + boundary};
  for (const Part& part : parts_) {
    form.body.append("--").append(boundary).append("\r\n").append(part.head);
    form.body.append(*part.bytes).append("\r\n");
  }
  form.body.append("--").append(boundary).append("--\r\n");
  return form;
}

}  // namespace reprise
