// How replies are given to RESTinio: whole, with the head in front. Its own builders make a string
// of every name and value, and take longer than the look-up of what they send. Internal to
// src/http.
#pragma once

#include <cstddef>
#include <restinio/all.hpp>
#include <utility>

namespace reprise::http {

// For `create_response`, as the library's own kinds of output.
struct ReplyOutput {};

}  // namespace reprise::http

namespace restinio {

// For one thread at a time.
template <>
class response_builder_t<reprise::http::ReplyOutput> final
    : public base_response_builder_t<response_builder_t<reprise::http::ReplyOutput>> {
 public:
  using base_response_builder_t::base_response_builder_t;
  response_builder_t(response_builder_t&&) = default;

  // The head comes first.
  void Add(writable_item_t item) {
    if (items_.empty()) items_.reserve(kUsualItems);
    if (item.size() > 0) items_.push_back(std::move(item));
  }
  // Sends what was added. `written` is called when that is out, or dropped, uncalled, when the
  // client has left; when it throws, the connection is closed.
  void Flush(write_status_cb_t written) {
    Send(response_parts_attr_t::not_final_parts, std::move(written));
  }
  // The same, and the reply is complete.
  void Done(write_status_cb_t written) {
    Send(response_parts_attr_t::final_parts, std::move(written));
    m_connection.reset();
  }

 private:
  void Send(response_parts_attr_t part, write_status_cb_t written) {
    write_group_t group(std::exchange(items_, {}));
    // The library keeps heads apart from what is sent before them.
    if (!std::exchange(head_sent_, true)) group.status_line_size(1);
    if (written) group.after_write_notificator(std::move(written));
    const response_output_flags_t flags(part,
                                        response_connection_attr(m_header.should_keep_alive()));
    m_connection->write_response_parts(m_request_id, flags, std::move(group));
  }

  static constexpr std::size_t kUsualItems = 3;  // a head, what is before a file, a file

  writable_items_container_t items_;
  bool head_sent_ = false;
};

}  // namespace restinio
