// What `watch` is compared with: a program that reads standard input as a whole and parses it with RapidJSON's DOM,
// which copies every string. Prints how many elements there are.

#include <cstddef>
#include <cstdio>
#include <string>

#include <unistd.h>

#include <rapidjson/document.h>

int main() {
    std::string text;
    std::string buffer(std::size_t{64} * 1024, '\0');
    for (ssize_t got = 0; (got = read(STDIN_FILENO, buffer.data(), buffer.size())) > 0;) {
        text.append(buffer, 0, static_cast<std::size_t>(got));
    }
    rapidjson::Document document;
    document.Parse(text.data(), text.size());
    if (document.HasParseError() || !document.IsArray()) return 1;
    std::printf("%u\n", document.Size());
    return 0;
}
