#include "image/vips_runtime.h"

#include <vips/vector.h>

#include <atomic>
#include <mutex>

#include "base/log.h"

namespace reprise {
namespace {

std::atomic<bool> g_started = false;

// Both kinds of glib logging end here; without it every damaged image prints a warning.
GLogWriterOutput WriteStructured(GLogLevelFlags, const GLogField* fields, gsize count, gpointer) {
  for (gsize i = 0; i < count; ++i) {
    if (std::string_view(fields[i].key) == "MESSAGE") {
      log::debug("libvips: {}", static_cast<const char*>(fields[i].value));
    }
  }
  return G_LOG_WRITER_HANDLED;
}

void WriteClassic(const gchar*, GLogLevelFlags, const gchar* message, gpointer) {
  log::debug("libvips: {}", message ? message : "");
}

bool StartVips() {
  g_log_set_writer_func(&WriteStructured, nullptr, nullptr);
  g_log_set_default_handler(&WriteClassic, nullptr);
  if (VIPS_INIT("reprise") != 0) return false;
  vips_concurrency_set(1);  // the worker pool is what runs images in parallel
  // Debian 12's Orc (0.4.33) frees its generated code without a lock: two threads that resize at
  // once corrupt the heap.
  vips_vector_set_enabled(FALSE);
  vips_cache_set_max(0);  // operations on caller's bytes are never repeated
  vips_operation_block_set("VipsForeignLoad", TRUE);
  for (const char* loader : {"VipsForeignLoadPng", "VipsForeignLoadJpeg", "VipsForeignLoadWebp"}) {
    vips_operation_block_set(loader, FALSE);
  }
  return true;
}

vips::VOption* EncodeOptions(ImageFormat format, int quality) {
  vips::VOption* options = vips::VImage::option()->set("strip", true);
  switch (format) {
    // Level 3 is a third of the default's time for a few per cent more bytes.
    case ImageFormat::kPng:
      return options->set("compression", 3);
    case ImageFormat::kJpeg:
      return options->set("Q", quality ? quality : 85);
    case ImageFormat::kWebp:
      return options->set("Q", quality ? quality : 80)->set("effort", 2);
  }
  return options;
}

}  // namespace

Result<void> InitImages() {
  static std::once_flag once;
  std::call_once(once, [] { g_started = StartVips(); });
  return RequireImages();
}

Result<void> RequireImages() {
  if (g_started) return {};
  return Fail(Code::kInternal, "libvips did not start, or InitImages was not called");
}

void LogVipsError(std::string_view during) {
  log::debug("libvips, {}: {}", during, vips_error_buffer());
  vips_error_clear();
}

std::string EncodeImage(const vips::VImage& image, ImageFormat format, int quality) {
  void* bytes = nullptr;
  std::size_t size = 0;
  const std::string suffix = "." + std::string(Extension(format));
  image.write_to_buffer(suffix.c_str(), &bytes, &size, EncodeOptions(format, quality));
  std::string out(static_cast<const char*>(bytes), size);
  g_free(bytes);
  return out;
}

}  // namespace reprise
