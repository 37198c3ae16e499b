#include "gateway/openai_forms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cache/identity.h"

namespace reprise {
namespace {

using ::testing::HasSubstr;

const std::string kPng = "\x89PNG\r\n\x1A\n and more";
const std::string kJpeg = "\xFF\xD8\xFF\xE0 and more";

struct Form {
  Form& Field(const std::string& name, const std::string& text) {
    return Part("name=\"" + name + "\"", text);
  }
  Form& File(const std::string& name, const std::string& bytes) {
    return Part("name=\"" + name + "\"; filename=\"f\"\r\nContent-Type: text/plain", bytes);
  }
  Form& Part(const std::string& disposition, const std::string& body) {
    text += "--b\r\nContent-Disposition: form-data; " + disposition + "\r\n\r\n" + body + "\r\n";
    return *this;
  }
  http::Request Request() {
    whole = text + "--b--\r\n";
    http::Request request;
    request.body = whole;
    request.headers = {{"Content-Type", "multipart/form-data; boundary=b"}};
    return request;
  }
  std::string text, whole;
};

Result<ImageCall> Edit(Form form) {
  return ReadEdit(form.Request(), {});
}
Result<ImageCall> Variation(Form form) {
  return ReadVariation(form.Request(), {});
}

TEST(ReadEdit, ReadsFilesAndParameters) {
  const auto call = Edit(Form()
                             .File("image[]", kPng)
                             .Field("prompt", "add a hat")
                             .File("image[]", kJpeg)
                             .File("mask", kPng)
                             .Field("n", "2")
                             .Field("size", "512x512")
                             .Field("stream", "true")
                             .Field("partial_images", "1")
                             .Field("quality", "high")
                             .Field("cache", R"({"ttl":5})"));
  ASSERT_TRUE(call) << call.error().message;
  const ImageRequest& request = call->request;
  EXPECT_EQ(request.operation, "edit");
  EXPECT_EQ(request.prompt, "add a hat");
  EXPECT_EQ(request.count, 2);
  EXPECT_EQ(request.size, (ImageSize{512, 512}));
  EXPECT_EQ(request.params, R"({"quality":"high"})");
  EXPECT_EQ(request.control.ttl_ms, 5000);
  EXPECT_TRUE(call->stream);
  EXPECT_EQ(call->partial_images, 1);
  ASSERT_EQ(request.inputs.size(), 3u);
  EXPECT_EQ(request.inputs[0].media_type, "image/png");  // whatever the part says
  EXPECT_EQ(*request.inputs[0].bytes, kPng);
  EXPECT_EQ(request.inputs[0].digest, Sha256(kPng));
  EXPECT_EQ(request.inputs[1].media_type, "image/jpeg");
  EXPECT_EQ(request.inputs[2].role, "mask");
}

TEST(ReadEdit, InputsAreWhatItIs) {
  const auto identity = [](const Form& form) {
    return MakeIdentity(Edit(form)->request, false).compatibility;
  };
  const Form form = Form().Field("prompt", "add a hat");
  const auto one = identity(Form(form).File("image", kPng));
  EXPECT_EQ(one, identity(Form().File("image[]", kPng).Field("prompt", "add a cap")));
  EXPECT_NE(one, identity(Form(form).File("image", kPng + ".")));
  EXPECT_NE(one, identity(Form(form).File("image", kPng).File("mask", kPng)));
  EXPECT_NE(one, identity(Form(form).File("image", kPng).File("image", kJpeg)));
  EXPECT_NE(identity(Form(form).File("image", kJpeg).File("image", kPng)),
            identity(Form(form).File("image", kPng).File("image", kJpeg)));
}

TEST(ReadEdit, RefusesWhatIsWrongByName) {
  const Form fine = Form().Field("prompt", "x").File("image", kPng);
  ASSERT_TRUE(Edit(fine));
  Form many = fine;
  for (int i = 0; i < 16; ++i) many.File("image[]", kPng);
  const std::tuple<Form, const char*, const char*> cases[] = {
      {Form().Field("prompt", "x"), "image", "is missing"},
      {Form().File("image", kPng), "prompt", "is missing"},
      {many, "image", "more than 16 images"},
      {Form(fine).File("image", ""), "image", "is empty"},
      {Form(fine).File("image", "GIF89a"), "image", "is a GIF image"},
      {Form(fine).File("mask", "<html>"), "mask", "is HTML"},
      {Form(fine).File("mask", kPng).File("mask", kPng), "mask", "given twice"},
      {Form(fine).File("style", kPng), "style", "is a file"},
      {Form(fine).Field("prompt", "y"), "prompt", "given twice"},
      {Form(fine).Field("n", "2.0"), "n", "whole number"},
      {Form(fine).Field("n", "11"), "n", "10"},
      {Form(fine).Field("n", ""), "n", "whole number"},
      {Form(fine).Field("stream", "1"), "stream", "true or false"},
      {Form(fine).Field("size", "big"), "size", "WIDTHxHEIGHT"},
      {Form(fine).Field("cache", "no"), "cache", "JSON object"},
      {Form(fine).Field("cache", "{\"a\":" + std::string(100'000, '[')), "cache", "JSON object"},
      {Form(fine).Field("cache", "[]"), "cache", "JSON object"},
      {Form(fine).Field("cache", R"({"tll":1})"), "cache", "tll"},
      {Form(fine).Field("style", "\xFF\xFE"), "", "UTF-8"},
  };
  for (const auto& [form, param, message] : cases) {
    const auto call = Edit(form);
    ASSERT_FALSE(call) << form.text;
    EXPECT_EQ(call.error().code, Code::kInvalidArgument) << form.text;
    EXPECT_THAT(call.error().param, HasSubstr(param)) << form.text;
    EXPECT_THAT(call.error().message, HasSubstr(message)) << form.text;
  }
}

TEST(ReadEdit, ImagesAreLimited) {
  const auto call =
      Edit(Form().Field("prompt", "x").File("image", kPng + std::string(50u << 20, 'x')));
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().code, Code::kTooLarge);
  EXPECT_EQ(call.error().param, "image");
}

TEST(ReadEdit, HeadersTightenWhatTheFormSays) {
  Form form = Form().Field("prompt", "x").File("image", kPng);
  http::Request request = form.Request();
  request.headers.emplace_back("Cache-Control", "no-store");
  EXPECT_TRUE(ReadEdit(request, {})->request.control.no_store);
}

TEST(ReadVariation, IsOfOneImageAndHasNoPrompt) {
  const auto call = Variation(Form().File("image", kPng).Field("model", "dall-e-2"));
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_EQ(call->request.operation, "variation");
  EXPECT_EQ(call->request.prompt, "");
  EXPECT_TRUE(call->request.control.exact_only);
  EXPECT_TRUE(call->as_url);
  EXPECT_FALSE(Variation(Form().File("image", kPng).File("image", kPng)));
  EXPECT_FALSE(Variation(Form().File("image", kPng).File("mask", kPng)));
  EXPECT_FALSE(Variation(Form()));
}

}  // namespace
}  // namespace reprise
