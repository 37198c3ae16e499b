#include "http/reply_head.h"

namespace reprise::http {
namespace {

// More than all but the headers takes.
constexpr std::size_t kOwnSize = 192;

}  // namespace

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 429:
      return "Too Many Requests";
    case 500:
      return "Internal Server Error";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Status";
  }
}

std::string SpellHead(const ReplyHead& head, const ResponseHeaders& headers) {
  std::string text;
  text.reserve(kOwnSize + headers.lines().size());
  text.append("HTTP/1.1 ").append(std::to_string(head.status)).append(" ");
  text.append(ReasonPhrase(head.status));
  text.append(head.keep_alive ? "\r\nConnection: keep-alive\r\n" : "\r\nConnection: close\r\n");
  if (head.framing.length) {
    text.append("Content-Length: ").append(std::to_string(*head.framing.length)).append("\r\n");
  } else if (head.framing.chunked) {
    text.append("Transfer-Encoding: chunked\r\n");
  }
  text.append(headers.lines());
  text.append("Date: ").append(head.date).append("\r\n\r\n");
  return text;
}

}  // namespace reprise::http
