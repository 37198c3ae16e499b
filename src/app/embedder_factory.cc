#include "app/embedder_factory.h"

#include "embed/caching_embedder.h"
#include "embed/onnx_embedder.h"
#include "embed/remote_embedder.h"
#include "embed/static_embedder.h"

namespace reprise {
namespace {

using Kind = EmbedderConfig::Kind;
using Pooling = EmbedderConfig::Pooling;
using Made = Result<std::unique_ptr<Embedder>>;

constexpr const char* kOpenAiUrl = "https://api.openai.com/v1";

const char* NameOf(Kind kind) {
  constexpr const char* kNames[] = {"builtin", "openai", "cloudflare", "static", "onnx"};
  return kNames[static_cast<std::size_t>(kind)];
}

// A setting that another kind needs tells that this kind was not meant.
Result<void> RefuseUnused(const EmbedderConfig& config) {
  const bool remote = config.kind == Kind::kOpenAi || config.kind == Kind::kCloudflare;
  const bool local = config.kind == Kind::kStatic || config.kind == Kind::kOnnx;
  struct Use {
    const char* setting;
    bool set;
    bool used;
    const char* kinds;
  };
  const Use uses[] = {
      {"url", !config.url.empty(), remote, "openai or cloudflare"},
      {"model", !config.model.empty(), remote, "openai or cloudflare"},
      {"account", !config.account.empty(), config.kind == Kind::kCloudflare, "cloudflare"},
      {"dimensions", config.dimensions != 0, config.kind == Kind::kOpenAi, "openai"},
      {"path", !config.path.empty(), local, "static or onnx"},
      {"library", !config.library.empty(), config.kind == Kind::kOnnx, "onnx"},
  };
  for (const Use& use : uses) {
    if (!use.set || use.used) continue;
    const std::string setting = std::string("embedder.") + use.setting;
    return Fail(Code::kInvalidArgument,
                setting + " is set, but embedder.kind is " + NameOf(config.kind) +
                    ", which does not use it; set embedder.kind: " + use.kinds + ", or remove it",
                setting);
  }
  return {};
}

Made MakeRemote(const EmbedderConfig& config, EmbedderParts parts,
                Result<std::unique_ptr<EmbeddingApi>> api) {
  if (!api) return std::unexpected(api.error());
  RemoteEmbedderOptions options;
  options.max_batch = config.batch;
  options.timeout = config.timeout;
  options.retry.max_attempts = config.attempts;
  return std::make_unique<RemoteEmbedder>(
      std::move(*api), options,
      RemoteEmbedderParts{parts.client, parts.workers, parts.context, parts.clock});
}

Made MakeOpenAi(const EmbedderConfig& config, EmbedderParts parts) {
  return MakeRemote(config, parts,
                    MakeOpenAiEmbeddingApi({.url = config.url.empty() ? kOpenAiUrl : config.url,
                                            .api_key = config.api_key,
                                            .model = config.model,
                                            .dimensions = config.dimensions,
                                            .base64 = config.base64}));
}

Made MakeCloudflare(const EmbedderConfig& config, EmbedderParts parts) {
  CloudflareEmbeddingOptions options{.api_key = config.api_key, .account = config.account};
  if (!config.url.empty()) options.url = config.url;
  if (!config.model.empty()) options.model = config.model;
  if (config.pooling == Pooling::kMean) options.pooling = "mean";
  return MakeRemote(config, parts, MakeCloudflareEmbeddingApi(std::move(options)));
}

Result<void> RequirePath(const EmbedderConfig& config) {
  if (!config.path.empty()) return {};
  return Fail(Code::kInvalidArgument,
              std::string("embedder.kind is ") + NameOf(config.kind) +
                  ", but embedder.path is empty; name the model's folder",
              "embedder.path");
}

Made MakeStatic(const EmbedderConfig& config) {
  if (auto path = RequirePath(config); !path) return std::unexpected(path.error());
  return LoadStaticEmbedder(config.path);
}

Made MakeOnnx(const EmbedderConfig& config, EmbedderParts parts) {
  if (auto path = RequirePath(config); !path) return std::unexpected(path.error());
  OnnxEmbedderOptions options{.path = config.path, .library = config.library};
  if (config.pooling == Pooling::kCls) options.pooling = OnnxPooling::kCls;
  if (config.pooling == Pooling::kMean) options.pooling = OnnxPooling::kMean;
  return LoadOnnxEmbedder(options, parts.workers);
}

Made MakeUncached(const EmbedderConfig& config, EmbedderParts parts) {
  switch (config.kind) {
    case Kind::kOpenAi:
      return MakeOpenAi(config, parts);
    case Kind::kCloudflare:
      return MakeCloudflare(config, parts);
    case Kind::kStatic:
      return MakeStatic(config);
    case Kind::kOnnx:
      return MakeOnnx(config, parts);
    case Kind::kBuiltin:
      break;
  }
  return MakeBuiltInEmbedder();
}

}  // namespace

Made MakeEmbedder(const EmbedderConfig& config, EmbedderParts parts) {
  if (auto used = RefuseUnused(config); !used) return std::unexpected(used.error());
  auto embedder = MakeUncached(config, parts);
  // A table is read faster than a cache.
  const bool quick = config.kind == Kind::kBuiltin || config.kind == Kind::kStatic;
  if (!embedder || quick) return embedder;
  return std::make_unique<CachingEmbedder>(
      std::move(*embedder),
      CachingEmbedderOptions{.max_bytes = config.cache_bytes, .timeout = config.timeout},
      parts.context);
}

}  // namespace reprise
