#include "upstream/multipart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reprise {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(FormWriter, WritesPartsBetweenBoundaries) {
  FormWriter writer;
  writer.AddField("n", "2");
  writer.AddFile("image[]", "a.png", "image/png", ShareBytes(std::string("\0\r\n", 3)));
  const FormWriter::Form form = writer.Finish();
  EXPECT_EQ(form.content_type, "multipart/form-data; boundary=reprise-form-boundary-0");
  EXPECT_EQ(form.body,
            std::string("--reprise-form-boundary-0\r\n"
                        "Content-Disposition: form-data; name=\"n\"\r\n\r\n2\r\n"
                        "--reprise-form-boundary-0\r\n"
                        "Content-Disposition: form-data; name=\"image[]\"; filename=\"a.png\"\r\n"
                        "Content-Type: image/png\r\n\r\n") +
                std::string("\0\r\n", 3) + "\r\n--reprise-form-boundary-0--\r\n");
}

TEST(FormWriter, TheBoundaryOccursInNoPart) {
  FormWriter writer;
  writer.AddField("prompt", "x\r\n--reprise-form-boundary-0--\r\nreprise-form-boundary-1");
  EXPECT_THAT(writer.Finish().content_type, HasSubstr("reprise-form-boundary-2"));
}

TEST(FormWriter, NamesStayInsideTheirQuotes) {
  FormWriter writer;
  writer.AddField("a\"; filename=\"x\r\nEvil: 1", "v");
  const std::string body = writer.Finish().body;
  EXPECT_THAT(body, HasSubstr("name=\"a%22; filename=%22x%0D%0AEvil: 1\"\r\n"));
  EXPECT_THAT(body, Not(HasSubstr("\r\nEvil")));
}

}  // namespace
}  // namespace reprise
