#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "app/batch_command.h"
#include "app/commands.h"
#include "app/gateway_client.h"
#include "app/service.h"
#include "base/bytes.h"

namespace reprise {
namespace {

using nlohmann::json;

struct GenerateOptions {
  ConfigOptions config;
  std::string prompt;
  std::string out;
  std::string batch, directory;  // many instead of one
  std::string url;
  std::string size, model, quality, category;
  std::vector<std::string> tags;
  std::optional<std::int64_t> seed;
  bool fresh = false;
  bool as_json = false;
};

std::string FormatOf(const std::string& file) {
  const std::string extension = std::filesystem::path(file).extension().string();
  const auto format = FormatFromName(extension.empty() ? "" : extension.substr(1));
  return format ? std::string(Extension(*format)) : "";
}

json Body(const GenerateOptions& options) {
  json body = {{"prompt", options.prompt}, {"response_format", "b64_json"}};
  if (!options.size.empty()) body["size"] = options.size;
  if (!options.model.empty()) body["model"] = options.model;
  if (!options.quality.empty()) body["quality"] = options.quality;
  if (options.seed) body["seed"] = *options.seed;
  if (const auto format = FormatOf(options.out); !format.empty()) body["output_format"] = format;
  json cache = json::object();
  if (!options.tags.empty()) cache["tags"] = options.tags;
  if (!options.category.empty()) cache["category"] = options.category;
  if (options.fresh) cache["no-cache"] = true;
  if (!cache.empty()) body["cache"] = cache;
  return body;
}

std::string HeaderOr(const http::ClientResponse& response, std::string_view name) {
  return std::string(response.Header(name).value_or(""));
}

Result<void> Save(const http::ClientResponse& response, const std::string& file) {
  if (response.status != 200) {
    const Code code = response.status < 500 ? Code::kInvalidArgument : Code::kUnavailable;
    return Fail(code, ErrorMessage(response));
  }
  const json body = json::parse(response.body, nullptr, false);
  const auto pointer = json::json_pointer("/data/0/b64_json");
  if (!body.contains(pointer)) return Fail(Code::kInternal, "the reply holds no image");
  auto bytes = Base64Decode(body[pointer].get<std::string>());
  if (!bytes) return std::unexpected(bytes.error());
  std::ofstream stream(file, std::ios::binary);
  if (!stream.write(bytes->data(), static_cast<std::streamsize>(bytes->size())).flush()) {
    return Fail(Code::kUnavailable, "cannot write " + file + "; choose another file with -o");
  }
  return {};
}

void Announce(const GenerateOptions& options, const http::ClientResponse& response) {
  const std::string type = HeaderOr(response, "x-cache-type");
  if (options.as_json) {
    fmt::print("{}\n", json{{"file", options.out},
                            {"cache", HeaderOr(response, "x-cache")},
                            {"type", type},
                            {"reason", HeaderOr(response, "x-reprise-reason")},
                            {"entry", HeaderOr(response, "x-reprise-entry")}}
                           .dump());
    return;
  }
  fmt::print("{}: {}{} ({})\n", options.out, HeaderOr(response, "x-cache"),
             type.empty() ? "" : " " + type, HeaderOr(response, "x-reprise-reason"));
}

// A running gateway if there is one; else the cache in this process, with the same data.
int Generate(const GenerateOptions& options) {
  auto config = options.config.Load();
  if (!config) return Report(config.error());
  GatewayClient gateway(*config, GatewayClient::Port::kPublic, options.url);
  auto response = gateway.PostJson("/v1/images/generations", Body(options));
  if (!response && options.url.empty() && response.error().code == Code::kUnavailable) {
    config->listen = "127.0.0.1:0";
    config->admin_listen.clear();
    config->tls = {};
    auto service = Service::Start(*config);
    if (!service) return Report(service.error());
    response = GatewayClient((*service)->url()).PostJson("/v1/images/generations", Body(options));
    (*service)->Shutdown(std::chrono::seconds(10));
  }
  if (!response) return Report(response.error());
  if (auto saved = Save(*response, options.out); !saved) return Report(saved.error());
  Announce(options, *response);
  return 0;
}

// One image, or a batch; not both, and not half of either.
int Run(const GenerateOptions& options) {
  if (!options.batch.empty()) {
    if (!options.prompt.empty() || !options.out.empty() || options.directory.empty()) {
      return Report({Code::kInvalidArgument,
                     "--batch FILE goes with --out DIR, and without a PROMPT and -o"});
    }
    return GenerateBatch({.config = options.config,
                          .file = options.batch,
                          .out = options.directory,
                          .url = options.url,
                          .as_json = options.as_json});
  }
  if (options.prompt.empty() || options.out.empty() || !options.directory.empty()) {
    return Report(
        {Code::kInvalidArgument, "give a PROMPT and -o FILE, or --batch FILE and --out DIR"});
  }
  return Generate(options);
}

}  // namespace

void AddGenerate(CLI::App& root, Command& chosen) {
  auto options = std::make_shared<GenerateOptions>();
  CLI::App* command =
      root.add_subcommand("generate", "Get images, from the cache or made, into files");
  command->add_option("PROMPT", options->prompt, "What the image should show");
  command->add_option("-o,--output", options->out, "File to write: .png, .jpeg or .webp");
  command->add_option("--batch", options->batch,
                      "YAML file with many requests: see docs/api-batches.md");
  command->add_option("--out", options->directory, "Directory for the images of --batch");
  command->add_option("--size", options->size, "WIDTHxHEIGHT or auto");
  command->add_option("--model", options->model, "Model name");
  command->add_option("--quality", options->quality, "Quality, as the model names it");
  command->add_option("--seed", options->seed, "Seed; -1 for a new image");
  command->add_option("--tag", options->tags, "Tag to store with the image; may be repeated");
  command->add_option("--category", options->category, "Category to store with the image");
  command->add_flag("--fresh", options->fresh, "Generate again and replace what is stored");
  command->add_flag("--json", options->as_json, "Say what happened as JSON");
  command->add_option("--url", options->url, "A running gateway (default: the configured address)");
  options->config.Add(*command);
  command->callback([options, &chosen] { chosen = [options] { return Run(*options); }; });
}

}  // namespace reprise
