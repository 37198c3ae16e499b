#include "http/multipart.h"

#include "http/ascii.h"
#include "http/message.h"

namespace reprise::http {
namespace {

constexpr std::string_view kBreak = "\r\n";
constexpr std::string_view kHeadersEnd = "\r\n\r\n";
constexpr std::string_view kBlank = " \t";
constexpr std::string_view kBoundaryChars =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'()+_,-./:=? ";
constexpr std::size_t kMaxBoundary = 70;

std::unexpected<Error> Invalid(std::string message) {
  return Fail(Code::kInvalidArgument, std::move(message));
}

std::unexpected<Error> InPart(std::size_t number, std::string_view message) {
  return Invalid("part " + std::to_string(number) + " of the form " + std::string(message));
}

void SkipBlank(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size()));
}

std::string_view TrimEnd(std::string_view text) {
  return text.substr(0, text.find_last_not_of(kBlank) + 1);
}

// "..." at the start of `text`, which then begins after it. A backslash keeps a quote or itself,
// and is a character like any other elsewhere: clients send paths.
std::optional<std::string> TakeQuoted(std::string_view& text) {
  std::string value;
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '"') {
      text.remove_prefix(at + 1);
      return value;
    }
    const bool escape = text[at] == '\\' && at + 1 < text.size();
    if (escape && (text[at + 1] == '"' || text[at + 1] == '\\')) ++at;
    value += text[at];
  }
  return std::nullopt;
}

using Parameters = std::vector<std::pair<std::string, std::string>>;

// What follows a header's value: `; name=token; other="quoted"`. Nothing when it is malformed.
std::optional<Parameters> ReadParameters(std::string_view text) {
  Parameters parameters;
  while (true) {
    SkipBlank(text);
    if (text.empty()) return parameters;
    if (text.front() != ';') return std::nullopt;
    text.remove_prefix(1);
    SkipBlank(text);
    const auto equals = text.find('=');
    if (equals == 0 || equals == std::string_view::npos) return std::nullopt;
    std::string name = AsciiLower(text.substr(0, equals));
    if (name.find_first_of(" \t;\"") != std::string::npos) return std::nullopt;
    text.remove_prefix(equals + 1);
    std::optional<std::string> value;
    if (text.starts_with('"')) {
      value = TakeQuoted(text);
    } else {
      const auto end = std::min(text.find(';'), text.size());
      value = TrimEnd(text.substr(0, end));
      text.remove_prefix(end);
    }
    if (!value) return std::nullopt;
    for (const auto& [known, ignored] : parameters) {
      if (known == name) return std::nullopt;
    }
    parameters.emplace_back(std::move(name), std::move(*value));
  }
}

std::optional<std::string> Find(const Parameters& parameters, std::string_view name) {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::string_view AfterType(std::string_view value) {
  return value.substr(std::min(value.find(';'), value.size()));
}

// Reads the headers of one part.
class PartHeaders {
 public:
  PartHeaders(std::size_t number, FormPart& part) : number_(number), part_(part) {}

  Result<void> Read(std::string_view headers) {
    while (!headers.empty()) {
      const auto end = std::min(headers.find(kBreak), headers.size());
      if (auto read = Line(headers.substr(0, end)); !read) return read;
      headers.remove_prefix(std::min(end + kBreak.size(), headers.size()));
    }
    if (!named_) return InPart(number_, "has no Content-Disposition: form-data; name=\"...\"");
    return {};
  }

 private:
  Result<void> Line(std::string_view line) {
    const auto colon = line.find(':');
    if (colon == 0 || colon == std::string_view::npos ||
        line.substr(0, colon).find_first_of(kBlank) != std::string_view::npos) {
      return InPart(number_, "has a header line that is none");
    }
    const std::string name = AsciiLower(line.substr(0, colon));
    std::string_view value = line.substr(colon + 1);
    SkipBlank(value);
    value = TrimEnd(value);
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
      return InPart(number_, "has a control character in a header");
    }
    if (name == "content-disposition") return Disposition(value);
    if (name == "content-type") part_.content_type = value;
    if (name == "content-transfer-encoding") return Encoding(value);
    return {};
  }

  Result<void> Disposition(std::string_view value) {
    const auto parameters = ReadParameters(AfterType(value));
    if (named_ || MediaTypeOf(value) != "form-data" || !parameters) {
      return InPart(number_, "needs one Content-Disposition: form-data; name=\"...\"");
    }
    auto name = Find(*parameters, "name");
    if (!name || name->empty()) return InPart(number_, "has no name");
    part_.name = std::move(*name);
    part_.filename = Find(*parameters, "filename");
    named_ = true;
    return {};
  }

  Result<void> Encoding(std::string_view value) {
    const std::string encoding = AsciiLower(value);
    if (encoding == "binary" || encoding == "7bit" || encoding == "8bit") return {};
    return InPart(number_, "has a Content-Transfer-Encoding; send its bytes as they are");
  }

  const std::size_t number_;
  FormPart& part_;
  bool named_ = false;
};

// Walks a body from boundary to boundary.
class FormParser {
 public:
  FormParser(std::string_view body, std::string_view boundary, const FormLimits& limits)
      : rest_(body),
        delimiter_(std::string(kBreak) + "--" + std::string(boundary)),
        limits_(limits) {}

  Result<std::vector<FormPart>> Parse() {
    std::vector<FormPart> parts;
    if (!SkipPreamble()) return Invalid("the form does not contain the boundary it names");
    while (true) {
      auto more = AfterBoundary();
      if (!more) return std::unexpected(more.error());
      if (!*more) return parts;
      if (parts.size() == limits_.parts) {
        return Fail(Code::kTooLarge,
                    "the form has more than " + std::to_string(limits_.parts) + " parts");
      }
      auto part = Part(parts.size() + 1);
      if (!part) return std::unexpected(part.error());
      parts.push_back(std::move(*part));
    }
  }

 private:
  bool SkipPreamble() {
    const std::string_view first = std::string_view(delimiter_).substr(kBreak.size());
    if (rest_.starts_with(first)) {
      rest_.remove_prefix(first.size());
      return true;
    }
    const auto at = rest_.find(delimiter_);
    if (at == std::string_view::npos) return false;
    rest_.remove_prefix(at + delimiter_.size());
    return true;
  }

  // False at the last boundary.
  Result<bool> AfterBoundary() {
    if (rest_.starts_with("--")) return false;
    SkipBlank(rest_);
    if (!rest_.starts_with(kBreak)) return Invalid("a boundary of the form has no end of line");
    rest_.remove_prefix(kBreak.size());
    return true;
  }

  Result<FormPart> Part(std::size_t number) {
    FormPart part;
    const auto headers_end = rest_.substr(0, limits_.header_bytes).find(kHeadersEnd);
    if (headers_end == std::string_view::npos) {
      if (rest_.size() <= limits_.header_bytes) return InPart(number, "ends within its headers");
      return Fail(Code::kTooLarge, "part " + std::to_string(number) + " of the form has over " +
                                       std::to_string(limits_.header_bytes) + " bytes of headers");
    }
    const std::string_view headers = rest_.substr(0, headers_end);
    if (headers.find(delimiter_) != std::string_view::npos) {
      return InPart(number, "has no blank line after its headers");
    }
    if (auto read = PartHeaders(number, part).Read(headers); !read) {
      return std::unexpected(read.error());
    }
    // An empty body's delimiter begins with the line break that ends the headers.
    rest_.remove_prefix(headers_end + kBreak.size());
    const auto end = rest_.find(delimiter_);
    if (end == std::string_view::npos) {
      return InPart(number, "is not closed by a boundary: the form was cut off");
    }
    if (end >= kBreak.size()) part.body = rest_.substr(kBreak.size(), end - kBreak.size());
    rest_.remove_prefix(end + delimiter_.size());
    return part;
  }

  std::string_view rest_;
  const std::string delimiter_;
  const FormLimits& limits_;
};

}  // namespace

Result<std::string> FormBoundary(std::string_view content_type) {
  if (MediaTypeOf(content_type) != "multipart/form-data") {
    return Invalid("Content-Type must be multipart/form-data");
  }
  const auto parameters = ReadParameters(AfterType(content_type));
  auto boundary = parameters ? Find(*parameters, "boundary") : std::nullopt;
  if (!boundary || boundary->empty() || boundary->size() > kMaxBoundary ||
      boundary->back() == ' ' || boundary->find_first_not_of(kBoundaryChars) != boundary->npos) {
    return Invalid("Content-Type must name a boundary of 1 to 70 characters that RFC 2046 allows");
  }
  return std::move(*boundary);
}

Result<std::vector<FormPart>> ParseForm(std::string_view body, std::string_view boundary,
                                        const FormLimits& limits) {
  return FormParser(body, boundary, limits).Parse();
}

}  // namespace reprise::http
