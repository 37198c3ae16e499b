// The configuration.
#include "app/config.h"
#include "targets.h"

namespace reprise::fuzz {

void Configs(std::string_view bytes) {
  const auto config = ParseConfig(std::string(bytes), "c.yaml");
  if (!config) Promise(!config.error().message.empty(), "an error says what is wrong");
}

}  // namespace reprise::fuzz
