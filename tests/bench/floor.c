/* The least that a program can do which reads one key of Consul's: a socket, one request, the answer, no check of it.
 * What powerconsul takes is measured against this.
 *
 * usage: floor IP:PORT TARGET */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char** argv) {
    if (argc != 3) return 64;
    char host[64];
    unsigned short port = 0;
    struct sockaddr_in where = {.sin_family = AF_INET};
    if (sscanf(argv[1], "%63[^:]:%hu", host, &port) != 2 || inet_pton(AF_INET, host, &where.sin_addr) != 1) return 64;
    where.sin_port = htons(port);
    const int agent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (agent < 0 || connect(agent, (struct sockaddr*)&where, sizeof where) != 0) return 1;
    char text[65536];
    const int length =
        snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", argv[2], argv[1]);
    if (write(agent, text, (size_t)length) != length) return 1;
    ssize_t size = 0;
    for (ssize_t got = 0; size < (ssize_t)sizeof text && (got = read(agent, text + size, sizeof text - size)) > 0;) {
        size += got;
    }
    if (size < 12 || memcmp(text, "HTTP/1.1 200", 12) != 0) return 1;
    return write(STDOUT_FILENO, text, (size_t)size) == size ? 0 : 1;
}
