#include "gateway/image_links.h"

#include "gateway/access.h"

namespace reprise {

std::string ImageLinks::To(std::string_view name) const {
  std::string link = base_;
  link.append("/images/").append(name);
  return access_ ? link + access_->LinkSuffix(name) : link;
}

}  // namespace reprise
