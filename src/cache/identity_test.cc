#include "cache/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace reprise {
namespace {

ImageRequest Sample() {
  ImageRequest request;
  request.model = "gpt-image-1";
  request.prompt = "a red fox";
  request.size = {1024, 1024};
  return request;
}

Identity Of(const ImageRequest& request) {
  return MakeIdentity(request, false);
}

ImageRequest With(const std::function<void(ImageRequest&)>& change) {
  ImageRequest request = Sample();
  change(request);
  return request;
}

ImageRequest WithParams(std::string params, std::string model = "gpt-image-1") {
  ImageRequest request = Sample();
  request.params = std::move(params);
  request.model = std::move(model);
  return request;
}

ImageRequest WithScope(std::string tenant, std::string name_space) {
  ImageRequest request = Sample();
  request.tenant = std::move(tenant);
  request.control.name_space = std::move(name_space);
  return request;
}

struct BucketCase {
  ImageSize size;
  std::string bucket;
};

class Buckets : public testing::TestWithParam<BucketCase> {};

TEST_P(Buckets, AreAsTheTableSays) {
  EXPECT_EQ(ResolutionBucket(GetParam().size), GetParam().bucket) << ToString(GetParam().size);
}

INSTANTIATE_TEST_SUITE_P(
    Edges, Buckets,
    testing::Values(BucketCase{{0, 0}, "auto"}, BucketCase{{1, 1}, "sq_sm"},
                    BucketCase{{512, 512}, "sq_sm"}, BucketCase{{513, 513}, "sq_md"},
                    BucketCase{{512, 513}, "sq_md"}, BucketCase{{1024, 1024}, "sq_md"},
                    BucketCase{{1025, 1024}, "sq_lg"}, BucketCase{{4096, 4096}, "sq_lg"},
                    BucketCase{{900, 1000}, "sq_md"}, BucketCase{{899, 1000}, "pt_md"},
                    BucketCase{{9, 10}, "sq_sm"}, BucketCase{{11, 10}, "sq_sm"},
                    BucketCase{{1100, 1000}, "sq_lg"}, BucketCase{{1101, 1000}, "ls_md"},
                    BucketCase{{512, 768}, "pt_sm"}, BucketCase{{512, 769}, "pt_md"},
                    BucketCase{{768, 512}, "ls_sm"}, BucketCase{{769, 512}, "ls_md"},
                    BucketCase{{1024, 1536}, "pt_md"}, BucketCase{{1024, 1537}, "pt_lg"},
                    BucketCase{{1536, 1024}, "ls_md"}, BucketCase{{1537, 1024}, "ls_lg"},
                    BucketCase{{1, 8192}, "pt_lg"}, BucketCase{{8192, 1}, "ls_lg"}));

TEST(CanResizeTest, EnlargesNoSideMoreThanHalf) {
  EXPECT_TRUE(CanResize({512, 512}, {768, 768}));
  EXPECT_FALSE(CanResize({512, 512}, {769, 768}));
  EXPECT_FALSE(CanResize({512, 512}, {768, 769}));
  EXPECT_TRUE(CanResize({1024, 1024}, {1, 1}));
  EXPECT_TRUE(CanResize({3, 3}, {4, 4}));
  EXPECT_FALSE(CanResize({3, 3}, {5, 5}));
  // Covering enlarges both sides by the larger factor.
  EXPECT_FALSE(CanResize({1000, 100}, {1000, 151}));
  EXPECT_TRUE(CanResize({1000, 100}, {1000, 150}));
}

TEST(CanAnswerTest, KeepsMostOfThePicture) {
  EXPECT_TRUE(CanAnswer({1024, 1024}, {768, 768}));
  EXPECT_TRUE(CanAnswer({1536, 1024}, {1280, 720}));
  EXPECT_TRUE(CanAnswer({1000, 1000}, {1000, 750}));
  EXPECT_FALSE(CanAnswer({1000, 1000}, {1000, 749}));
  EXPECT_FALSE(CanAnswer({1536, 1024}, {1536, 256}));
  EXPECT_FALSE(CanAnswer({1536, 1024}, {1500, 16}));
  EXPECT_FALSE(CanAnswer({1536, 256}, {1536, 1024}));
  EXPECT_FALSE(CanAnswer({512, 512}, {769, 769})) << "enlarged";
  EXPECT_TRUE(CanAnswer({1536, 256}, {}));
}

TEST(CanResizeTest, AutoTakesWhatThereIs) {
  EXPECT_TRUE(CanResize({512, 512}, {}));
  EXPECT_FALSE(CanResize({}, {512, 512}));
}

TEST(IdentityTest, WhatShapesTheImageSeparatesPartitions) {
  const std::vector<ImageRequest> requests = {
      Sample(),
      With([](auto& r) { r.tenant = "other"; }),
      With([](auto& r) { r.control.name_space = "other"; }),
      With([](auto& r) { r.operation = "edit"; }),
      With([](auto& r) { r.model = "gpt-image-1-mini"; }),
      With([](auto& r) {
        r.size = {256, 256};
      }),
      With([](auto& r) { r.size = {}; }),
      With([](auto& r) { r.seed = 0; }),
      With([](auto& r) { r.seed = 1; }),
      WithParams(R"({"quality":"high"})"),
      WithParams(R"({"quality":"low"})"),
      WithParams(R"({"Quality":"high"})"),
      WithParams(R"({"style":"vivid"})"),
      WithParams(R"({"quality":"standard"})"),
      WithParams(R"({"background":""})"),
      WithParams(R"({"x":[1,2]})"),
      WithParams(R"({"x":[2,1]})"),
      WithParams(R"({"x":"1"})"),
      WithParams(R"({"x":1})"),
      WithParams(R"({"x":true})"),
      WithParams(R"({"seed":1})"),
  };
  std::set<std::string> partitions, fingerprints;
  for (const ImageRequest& request : requests) {
    partitions.insert(Of(request).compatibility.Hex());
    fingerprints.insert(Of(request).fingerprint.Hex());
  }
  EXPECT_EQ(partitions.size(), requests.size());
  EXPECT_EQ(fingerprints.size(), requests.size());
}

TEST(IdentityTest, InputImagesSeparatePartitionsByBytesRoleAndOrder) {
  const auto partition = [](std::vector<InputImage> inputs) {
    ImageRequest request;
    request.prompt = "the same";
    request.inputs = std::move(inputs);
    return MakeIdentity(request, false).compatibility;
  };
  const InputImage cat{.digest = Sha256("cat")}, dog{.digest = Sha256("dog")};
  const InputImage mask{.role = "mask", .digest = Sha256("dog")};
  const std::vector<std::vector<InputImage>> different = {{},         {cat},       {dog},
                                                          {cat, dog}, {cat, mask}, {dog, cat}};
  for (std::size_t i = 0; i < different.size(); ++i) {
    for (std::size_t k = 0; k < different.size(); ++k) {
      EXPECT_EQ(partition(different[i]) == partition(different[k]), i == k) << i << " " << k;
    }
  }
}

TEST(IdentityTest, WhatDoesNotShapeTheImageIsLeftOut) {
  const Identity plain = Of(Sample());
  const std::vector<ImageRequest> requests = {
      With([](auto& r) { r.count = 4; }),
      With([](auto& r) { r.fresh_seed = true; }),
      With([](auto& r) { r.user = "someone"; }),
      With([](auto& r) { r.category = "animals"; }),
      With([](auto& r) {
        r.tags = {"a", "b"};
      }),
      With([](auto& r) {
        r.delivery = {ImageFormat::kWebp, 50, false};
      }),
      With([](auto& r) { r.control.no_cache = true; }),
      With([](auto& r) { r.control.ttl_ms = 5; }),
      With([](auto& r) { r.control.variants = 3; }),
      With([](auto& r) { r.control.similarity_threshold = 1.0; }),
  };
  for (std::size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(Of(requests[i]).fingerprint, plain.fingerprint) << i;
    EXPECT_EQ(Of(requests[i]).compatibility, plain.compatibility) << i;
  }
}

TEST(IdentityTest, PromptAndSizeWithinABucketChangeTheFingerprintOnly) {
  const Identity plain = Of(Sample());
  for (const ImageRequest& request : {
           With([](auto& r) { r.prompt = "a red fox "; }),
           With([](auto& r) { r.prompt = "A red fox"; }),
           With([](auto& r) { r.prompt = std::string("a red fox\0", 10); }),
           With([](auto& r) {
             r.size = {1000, 1024};
           }),
           With([](auto& r) {
             r.size = {1024, 1000};
           }),
       }) {
    EXPECT_EQ(Of(request).compatibility, plain.compatibility);
    EXPECT_NE(Of(request).fingerprint, plain.fingerprint);
  }
}

TEST(IdentityTest, ParametersAreCanonical) {
  EXPECT_EQ(Of(WithParams(R"({"a":1,"b":{"x":1,"y":2}})")).fingerprint,
            Of(WithParams(R"( { "b" : {"y":2,"x":1}, "a":1 } )")).fingerprint);
}

TEST(IdentityTest, StatedDefaultsAreTheSameAsNone) {
  for (const char* params : {R"({"quality":null})", R"({"quality":"auto"})",
                             R"({"background":"auto"})", R"({"moderation":"auto"})"}) {
    EXPECT_EQ(Of(WithParams(params)).fingerprint, Of(Sample()).fingerprint) << params;
  }
  for (const char* params : {R"({"quality":"standard"})", R"({"style":"vivid"})"}) {
    EXPECT_EQ(Of(WithParams(params, "dall-e-3")).fingerprint,
              Of(WithParams("{}", "dall-e-3")).fingerprint)
        << params;
  }
}

TEST(IdentityTest, ParametersThatAreNoObjectAreStillTold) {
  EXPECT_NE(Of(WithParams("[1]")).fingerprint, Of(WithParams("[2]")).fingerprint);
  EXPECT_NE(Of(WithParams("{\"x\":\"\xff\"}")).fingerprint,
            Of(WithParams("{\"x\":\"\xfe\"}")).fingerprint);
}

TEST(IdentityTest, NoScopeCanSpellAnother) {
  const std::vector<std::pair<std::string, std::string>> scopes = {
      {"a", "b"},         {"a", ""},
      {"", "a"},          {"ab", ""},
      {"", "ab"},         {"a\",\"b", ""},
      {"", "a\",\"b"},    {"a/b", ""},
      {"a|b", ""},        {"[\"a\",\"b\"]", ""},
      {"a\",\"b\"]", ""}, {"a\\", "b"},
      {"a", "\\b"},       {"a\n", "b"},
      {"a", "\nb"},       {"\xff", "b"},
      {"\xfe", "b"},      {"\xef\xbf\xbd", "b"},
      {"a", "\xe9"},      {"a", "\xe8"},
      {"ff", "62"},       {std::string("a\0", 2), "b"},
  };
  std::set<std::string> texts, partitions;
  for (const auto& [tenant, name_space] : scopes) {
    const Identity identity = Of(WithScope(tenant, name_space));
    texts.insert(identity.scope);
    partitions.insert(identity.compatibility.Hex());
  }
  EXPECT_EQ(texts.size(), scopes.size());
  EXPECT_EQ(partitions.size(), scopes.size());
}

TEST(IdentityTest, ModelsOfAnyBytesStayApart) {
  EXPECT_NE(Of(WithParams("{}", "m\xff")).compatibility,
            Of(WithParams("{}", "m\xfe")).compatibility);
}

// Shapes are remembered, by each thread for itself: more of them than it remembers, met again and
// again, are what a thread makes of them that has met none.
TEST(IdentityTest, ShapesMetBeforeAreWhatTheyWereAtFirst) {
  std::vector<ImageRequest> requests;
  for (int i = 0; i < 600; ++i) {
    requests.push_back(WithParams(i % 3 == 0 ? "{}" : R"({"quality":")" + std::to_string(i) + "\"}",
                                  "model-" + std::to_string(i % 7)));
    requests.back().tenant = "tenant-" + std::to_string(i % 11);
    if (i % 5 == 0) requests.back().seed = i % 2;
    if (i % 13 == 0) requests.back().prefer = Preference::kPrice;
  }
  const auto fresh = [](const ImageRequest& request) {
    Identity identity;
    std::thread([&] { identity = Of(request); }).join();
    return identity;
  };
  for (const ImageRequest& request : requests) {
    const Identity at_first = fresh(request);
    for (int round = 0; round < 2; ++round) {
      const Identity again = Of(request);
      EXPECT_EQ(again.scope, at_first.scope);
      EXPECT_EQ(again.bucket, at_first.bucket);
      EXPECT_EQ(again.compatibility, at_first.compatibility);
      EXPECT_EQ(again.fingerprint, at_first.fingerprint);
    }
  }
}

TEST(IdentityTest, ExactResolutionTurnsBucketsOff) {
  ImageRequest other = Sample();
  other.size = {1000, 1000};
  EXPECT_EQ(Of(Sample()).compatibility, Of(other).compatibility);
  const Identity a = MakeIdentity(Sample(), true), b = MakeIdentity(other, true);
  EXPECT_NE(a.compatibility, b.compatibility);
  EXPECT_EQ(a.bucket, "1024x1024");
  EXPECT_NE(a.compatibility, Of(Sample()).compatibility);
}

}  // namespace
}  // namespace reprise
