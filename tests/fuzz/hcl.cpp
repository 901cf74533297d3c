// covers: doctor/hcl.hpp
#include <powerconsul/doctor/hcl.hpp>

#include <cstddef>
#include <string>
#include <string_view>

#include "fuzz.hpp"

using namespace powerconsul;

namespace {

[[nodiscard]] auto quoted_text(std::string_view text) -> std::string {
    std::string made{'"'};
    for (const char c : text) {
        if (c == '"' || c == '\\') made += '\\';
        made += c == '\n' ? std::string_view{"\\n"} : std::string_view{&c, 1};
    }
    return made + '"';
}

/// A value as it may be written in HCL.
[[nodiscard]] auto written(const json::value& what) -> std::string {
    std::string text;
    switch (what.type) {
        case json::kind::string: return quoted_text(what.text);
        case json::kind::boolean: return what.boolean ? "true" : "false";
        case json::kind::array:
            for (const auto& each : what.items) text += written(each) + ", ";
            return '[' + text + ']';
        case json::kind::object:
            for (std::size_t i = 0; i < what.items.size(); ++i) {
                text += quoted_text(what.names[i]) + " = " + written(what.items[i]) + '\n';
            }
            return "{\n" + text + '}';
        case json::kind::number:
        case json::kind::null: break;
    }
    return what.text;
}

void expect_same(const json::value& a, const json::value& b, std::string_view text) {
    fuzz::expect(a.type == b.type && a.boolean == b.boolean && a.text == b.text && a.names == b.names,
                 "not what was written", text);
    fuzz::expect(a.items.size() == b.items.size(), "not as many values", text);
    for (std::size_t i = 0; i < a.items.size(); ++i) expect_same(a.items[i], b.items[i], text);
}

/// The text of a Consul configuration.
void run(std::string_view text) {
    const auto read = parse_hcl(text);
    if (!read) {
        fuzz::expect(read.error().code == errc::bad_data && read.error().message.starts_with("line "), "no reason",
                     read.error().message);
        return;
    }
    fuzz::expect(read->is(json::kind::object), "no object", text);
    const std::string whole = written(*read);
    const auto again = parse_hcl(std::string_view{whole}.substr(1, whole.size() - 2));
    // What came twice is a list now, which is one deeper.
    if (!again && again.error().message.ends_with("less nesting")) return;
    fuzz::expect(again.has_value(), "not read again", whole, again ? "" : again.error().message);
    expect_same(*read, *again, whole);
}

const fuzz::enlisted here{"hcl", run};

}  // namespace
