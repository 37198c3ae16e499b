#include "prompt_grammar.h"

#include <random>
#include <span>
#include <string_view>
#include <unordered_set>

namespace reprise {
namespace {

// What is said, and what somebody else would say.
struct Words {
  std::string_view said, otherwise;
};

constexpr Words kColours[] = {
    {"red", "crimson"},      {"blue", "azure"},         {"green", "emerald"},
    {"golden", "gold"},      {"white", "pale"},         {"black", "dark"},
    {"silver", "silvery"},   {"purple", "violet"},      {"orange", "amber"},
    {"turquoise", "teal"},   {"pink", "rosy"},          {"striped", "stripy"},
    {"spotted", "speckled"}, {"brown", "chestnut"},     {"grey", "gray"},
    {"colorful", "vivid"},   {"translucent", "glassy"}, {"glowing", "luminous"},
    {"rusty", "corroded"},   {"wooden", "timber"},      {"ivory", "cream"},
    {"dusty", "grimy"},      {"shiny", "glossy"},       {"faded", "bleached"}};

constexpr Words kSizes[] = {{"small", "little"},
                            {"huge", "gigantic"},
                            {"old", "ancient"},
                            {"young", "youthful"},
                            {"fluffy", "furry"},
                            {"lonely", "solitary"},
                            {"happy", "cheerful"},
                            {"sad", "gloomy"},
                            {"angry", "furious"},
                            {"sleepy", "drowsy"},
                            {"elegant", "graceful"},
                            {"brave", "fearless"},
                            {"mysterious", "enigmatic"},
                            {"tired", "weary"},
                            {"curious", "inquisitive"},
                            {"calm", "serene"},
                            {"proud", "dignified"},
                            {"clumsy", "awkward"},
                            {"shy", "timid"},
                            {"wild", "untamed"}};

constexpr Words kSubjects[] = {{"cat", "kitten"},
                               {"dog", "hound"},
                               {"horse", "stallion"},
                               {"fox", "fox"},
                               {"owl", "owl"},
                               {"dragon", "dragon"},
                               {"robot", "android"},
                               {"astronaut", "spaceman"},
                               {"knight", "knight in armour"},
                               {"wizard", "sorcerer"},
                               {"witch", "sorceress"},
                               {"pirate", "buccaneer"},
                               {"samurai", "samurai warrior"},
                               {"elephant", "elephant"},
                               {"tiger", "tiger"},
                               {"whale", "whale"},
                               {"octopus", "octopus"},
                               {"bear", "bear"},
                               {"rabbit", "bunny"},
                               {"wolf", "wolf"},
                               {"raven", "crow"},
                               {"lighthouse", "lighthouse"},
                               {"castle", "fortress"},
                               {"cottage", "cabin"},
                               {"sailing ship", "sailboat"},
                               {"steam train", "steam locomotive"},
                               {"sports car", "race car"},
                               {"bicycle", "bike"},
                               {"airplane", "aeroplane"},
                               {"teapot", "tea kettle"},
                               {"violin", "fiddle"},
                               {"piano", "grand piano"},
                               {"woman", "lady"},
                               {"man", "gentleman"},
                               {"girl", "young girl"},
                               {"boy", "young boy"},
                               {"chef", "cook"},
                               {"doctor", "physician"},
                               {"farmer", "farmer"},
                               {"ballerina", "ballet dancer"},
                               {"fisherman", "angler"},
                               {"blacksmith", "smith"},
                               {"mermaid", "mermaid"},
                               {"angel", "angel"},
                               {"skeleton", "skeleton"},
                               {"mushroom", "toadstool"},
                               {"oak tree", "oak"},
                               {"sunflower", "sunflower"},
                               {"butterfly", "butterfly"},
                               {"hummingbird", "hummingbird"}};

constexpr Words kActions[] = {{"reading a book", "absorbed in a book"},
                              {"playing chess", "in a game of chess"},
                              {"drinking coffee", "with a cup of coffee"},
                              {"chasing a ball", "running after a ball"},
                              {"sleeping", "asleep"},
                              {"dancing", "in a dance"},
                              {"looking at the stars", "gazing at the stars"},
                              {"riding a bicycle", "on a bike"},
                              {"playing the guitar", "with a guitar"},
                              {"painting a portrait", "at work on a portrait"},
                              {"eating an apple", "biting into an apple"},
                              {"holding an umbrella", "under an umbrella"},
                              {"wearing a hat", "with a hat on"},
                              {"wearing sunglasses", "in sunglasses"},
                              {"wearing a scarf", "wrapped in a scarf"},
                              {"swimming", "having a swim"},
                              {"flying a kite", "with a kite"},
                              {"carrying a lantern", "holding a lantern"},
                              {"fighting a monster", "battling a monster"},
                              {"watering plants", "tending plants"},
                              {"baking bread", "making bread"},
                              {"taking a photograph", "with a camera"},
                              {"waiting for a bus", "at a bus stop"},
                              {"jumping over a fence", "leaping over a fence"},
                              {"floating in the air", "levitating"},
                              {"surrounded by flowers", "amid flowers"},
                              {"covered in snow", "under the snow"},
                              {"on fire", "in flames"},
                              {"made of glass", "of glass"},
                              {"reflected in a mirror", "in front of a mirror"}};

constexpr Words kPlaces[] = {{"in a forest", "in the woods"},
                             {"on a beach", "at the seaside"},
                             {"on the moon", "on the lunar surface"},
                             {"in a busy city street", "on a crowded street"},
                             {"in a library", "among bookshelves"},
                             {"under water", "beneath the sea"},
                             {"on a mountain top", "on a summit"},
                             {"in the desert", "among sand dunes"},
                             {"in a cosy kitchen", "in a kitchen"},
                             {"in an abandoned factory", "in an empty factory"},
                             {"at a train station", "on a railway platform"},
                             {"in a Japanese garden", "in a zen garden"},
                             {"on a rooftop", "on top of a roof"},
                             {"in a wheat field", "in a field of wheat"},
                             {"in a cathedral", "inside a church"},
                             {"by a waterfall", "next to a waterfall"},
                             {"in a cave", "inside a cave"},
                             {"on a frozen lake", "on the ice of a lake"},
                             {"in a spaceship", "aboard a spacecraft"},
                             {"in a jungle", "in the rainforest"},
                             {"at a fairground", "at a funfair"},
                             {"in a laboratory", "in a lab"},
                             {"on a bridge", "crossing a bridge"},
                             {"in a harbour", "in a port"},
                             {"in a ruined temple", "among temple ruins"},
                             {"in Paris", "in the streets of Paris"},
                             {"in Venice", "on a canal in Venice"},
                             {"in New York", "in Manhattan"},
                             {"in a vineyard", "among vines"},
                             {"in a swamp", "in a marsh"},
                             {"in outer space", "among the stars"},
                             {"on a snowy road", "on a road in winter"},
                             {"in an attic", "under the roof"},
                             {"in a theatre", "on a stage"},
                             {"in a supermarket", "in a grocery store"},
                             {"at a bus stop", "by the roadside"}};

constexpr Words kStyles[] = {{"a watercolor painting of", "watercolor"},
                             {"an oil painting of", "oil on canvas"},
                             {"a photo of", "photograph"},
                             {"a black and white photo of", "monochrome photo"},
                             {"a pencil sketch of", "pencil drawing"},
                             {"a 3D render of", "3D rendering"},
                             {"a pixel art picture of", "pixel art"},
                             {"a cartoon of", "cartoon style"},
                             {"an anime illustration of", "anime"},
                             {"a stained glass window of", "stained glass"},
                             {"a charcoal drawing of", "charcoal"},
                             {"a low poly model of", "low poly"},
                             {"a vintage poster of", "vintage poster"},
                             {"a woodcut of", "woodcut print"},
                             {"a marble sculpture of", "marble statue"},
                             {"a macro shot of", "macro photography"},
                             {"a children's book illustration of", "storybook illustration"},
                             {"a comic book panel of", "comic book style"},
                             {"concept art of", "concept art"},
                             {"an isometric view of", "isometric"},
                             {"a logo of", "logo"},
                             {"", ""},
                             {"a picture of", ""},
                             {"a tattoo design of", "tattoo design"},
                             {"a mosaic of", "mosaic"}};

constexpr Words kLights[] = {{"", ""},
                             {"at sunset", "in the evening sun"},
                             {"at night", "by night"},
                             {"in the rain", "on a rainy day"},
                             {"in thick fog", "in the mist"},
                             {"in golden hour light", "golden hour"},
                             {"by candlelight", "lit by candles"},
                             {"under a full moon", "in the moonlight"},
                             {"at dawn", "early in the morning"},
                             {"in neon light", "neon lighting"},
                             {"in winter", "in wintertime"},
                             {"in autumn", "in the fall"},
                             {"during a thunderstorm", "in a storm"},
                             {"with dramatic lighting", "dramatic light"},
                             {"in soft light", "soft lighting"},
                             {"in bright sunshine", "on a sunny day"}};

// Said, or left out by somebody else.
constexpr Words kDetails[] = {{"", ""},
                              {"highly detailed", ""},
                              {"trending on artstation", ""},
                              {"8k", ""},
                              {"cinematic", ""},
                              {"wide angle", ""},
                              {"close-up", "close-up"},
                              {"minimalist", "minimalist"},
                              {"in the style of Monet", "Monet style"},
                              {"in the style of Van Gogh", "Van Gogh style"},
                              {"by Studio Ghibli", "Studio Ghibli style"},
                              {"art nouveau", "art nouveau"},
                              {"cyberpunk", "cyberpunk"},
                              {"steampunk", "steampunk"},
                              {"baroque", "baroque style"},
                              {"pastel colors", "pastel tones"},
                              {"shallow depth of field", "blurred background"},
                              {"symmetrical", "symmetrical composition"},
                              {"seen from above", "bird's-eye view"},
                              {"seen from behind", "from behind"}};

constexpr std::span<const Words> kParts[] = {kColours, kSizes,  kSubjects, kActions,
                                             kPlaces,  kStyles, kLights,   kDetails};
enum Part { kColour, kSize, kSubject, kAction, kPlace, kStyle, kLight, kDetail };

std::string_view Said(const Scene& scene, Part part) {
  return kParts[part][scene[part]].said;
}
std::string_view Otherwise(const Scene& scene, Part part) {
  return kParts[part][scene[part]].otherwise;
}

void Append(std::string& text, std::string_view separator, std::string_view words) {
  if (words.empty()) return;
  if (!text.empty()) text += separator;
  text += words;
}

}  // namespace

std::vector<Scene> MakeScenes(std::size_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::unordered_set<std::string_view> seen;
  std::vector<Scene> scenes;
  scenes.reserve(count);  // `seen` points into it
  while (scenes.size() < count) {
    Scene scene;
    for (std::size_t part = 0; part < scene.size(); ++part) {
      scene[part] = static_cast<std::uint8_t>(random() % kParts[part].size());
    }
    scenes.push_back(scene);
    const auto* bytes = reinterpret_cast<const char*>(scenes.back().data());
    if (!seen.insert({bytes, scene.size()}).second) scenes.pop_back();
  }
  return scenes;
}

std::string Describe(const Scene& scene) {
  std::string text(Said(scene, kStyle));
  Append(text, " ", "a");
  for (Part part : {kSize, kColour, kSubject, kAction, kPlace})
    Append(text, " ", Said(scene, part));
  for (Part part : {kLight, kDetail}) Append(text, ", ", Said(scene, part));
  return text;
}

std::string Rephrase(const Scene& scene) {
  std::string text(Said(scene, kColour));
  Append(text, " ", Otherwise(scene, kSize));
  Append(text, " ", Otherwise(scene, kSubject));
  Append(text, " ", Otherwise(scene, kPlace));
  Append(text, ", ", Otherwise(scene, kAction));
  for (Part part : {kLight, kDetail, kStyle}) Append(text, ", ", Otherwise(scene, part));
  return text;
}

}  // namespace reprise
