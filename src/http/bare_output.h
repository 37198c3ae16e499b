// Replies as RESTinio has none: whose head says nothing of its body's length. Internal to src/http.
#pragma once

#include <restinio/all.hpp>
#include <string>
#include <utility>

namespace reprise::http {

// For `create_response`, as the library's own kinds of output.
struct BareOutput {};

}  // namespace reprise::http

namespace restinio {

// The methods are those of the library's builder of chunks. For one thread at a time.
template <>
class response_builder_t<reprise::http::BareOutput> final
    : public base_response_builder_t<response_builder_t<reprise::http::BareOutput>> {
 public:
  using base_response_builder_t::base_response_builder_t;
  response_builder_t(response_builder_t&&) = default;

  response_builder_t& append_chunk(std::string bytes) {
    items_.emplace_back(std::move(bytes));
    return *this;
  }
  // With the head, the first time; the headers must not change after it.
  void flush(write_status_cb_t written) {
    Send(response_parts_attr_t::not_final_parts, std::move(written));
  }
  void done(write_status_cb_t written = {}) {
    Send(response_parts_attr_t::final_parts, std::move(written));
    m_connection.reset();
  }

 private:
  void Send(response_parts_attr_t part, write_status_cb_t written) {
    writable_items_container_t items;
    if (!head_sent_) {
      items.emplace_back(impl::create_header_string(
          m_header, impl::content_length_field_presence_t::skip_content_length));
    }
    for (auto& item : items_) items.emplace_back(std::move(item));
    items_.clear();
    write_group_t group(std::move(items));
    if (!std::exchange(head_sent_, true)) group.status_line_size(calculate_status_line_size());
    if (written) group.after_write_notificator(std::move(written));
    const response_output_flags_t flags(part,
                                        response_connection_attr(m_header.should_keep_alive()));
    m_connection->write_response_parts(m_request_id, flags, std::move(group));
  }

  writable_items_container_t items_;
  bool head_sent_ = false;
};

}  // namespace restinio
