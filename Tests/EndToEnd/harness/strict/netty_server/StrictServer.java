import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.DefaultHttp2DataFrame;
import io.netty.handler.codec.http2.DefaultHttp2HeadersFrame;
import io.netty.handler.codec.http2.Http2DataFrame;
import io.netty.handler.codec.http2.Http2FrameCodecBuilder;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2HeadersFrame;
import io.netty.handler.codec.http2.Http2MultiplexHandler;
import io.netty.util.ReferenceCountUtil;
import java.net.InetSocketAddress;

/**
 * A gRPC-like server on Netty's HTTP/2 codec, as strict as that is: for Tests/EndToEnd/test_strict_peers.py.
 *
 * <p>Paths that end in "/Echo" send the request's bytes back as they come; those that end in "/Early" are answered
 * before the request is over; all others once it is. On standard output, a JSON object a line: "listening" with the port,
 * "opened" and "closed" for each connection, and "error" with what was wrong.
 */
public final class StrictServer {
    static void emit(String event, String key, Object value) {
        String text = value instanceof Number ? value.toString() : '"' + value.toString()
            .replace("\\", "\\\\").replace("\"", "\\\"").replaceAll("\\p{Cntrl}", " ") + '"';
        synchronized (System.out) {
            System.out.println("{\"event\": \"" + event + "\", \"" + key + "\": " + text + "}");
            System.out.flush();
        }
    }

    /** One call. */
    static final class Call extends ChannelInboundHandlerAdapter {
        private boolean echoes;
        private boolean begun;
        private boolean ended;

        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            if (message instanceof Http2HeadersFrame frame) {
                if (!begun) {
                    String path = String.valueOf(frame.headers().path());
                    echoes = path.endsWith("/Echo");
                    begun = true;
                    if (echoes) {
                        context.writeAndFlush(new DefaultHttp2HeadersFrame(head()));
                    } else if (path.endsWith("/Early")) {
                        end(context);
                    }
                }
                if (frame.isEndStream()) end(context);
            } else if (message instanceof Http2DataFrame frame) {
                boolean last = frame.isEndStream();
                if (echoes && !ended) {
                    ByteBuf content = frame.content().retain();
                    context.writeAndFlush(new DefaultHttp2DataFrame(content));
                }
                frame.release();
                if (last) end(context);
            } else {
                ReferenceCountUtil.release(message);
            }
        }

        private static Http2Headers head() {
            return new DefaultHttp2Headers().status("200").set("content-type", "application/grpc");
        }

        private void end(ChannelHandlerContext context) {
            if (ended) return;
            ended = true;
            Http2Headers last = echoes ? new DefaultHttp2Headers() : head();
            context.writeAndFlush(new DefaultHttp2HeadersFrame(last.set("grpc-status", "0"), true));
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            emit("error", "reason", "stream: " + cause);
        }
    }

    public static void main(String[] arguments) throws Exception {
        NioEventLoopGroup group = new NioEventLoopGroup(1);
        ServerBootstrap bootstrap = new ServerBootstrap().group(group).channel(NioServerSocketChannel.class)
            .childHandler(new ChannelInitializer<Channel>() {
                @Override
                protected void initChannel(Channel channel) {
                    String peer = String.valueOf(channel.remoteAddress());
                    emit("opened", "peer", peer);
                    channel.closeFuture().addListener(future -> emit("closed", "peer", peer));
                    channel.pipeline().addLast(Http2FrameCodecBuilder.forServer().build());
                    channel.pipeline().addLast(new Http2MultiplexHandler(new ChannelInitializer<Channel>() {
                        @Override
                        protected void initChannel(Channel stream) {
                            stream.pipeline().addLast(new Call());
                        }
                    }));
                    channel.pipeline().addLast(new ChannelInboundHandlerAdapter() {
                        @Override
                        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
                            emit("error", "reason", cause);
                        }
                    });
                }
            });
        Channel listener = bootstrap.bind("127.0.0.1", 0).sync().channel();
        emit("listening", "port", ((InetSocketAddress) listener.localAddress()).getPort());
        // The end of standard input ends the process.
        while (System.in.read() >= 0) { }
        System.exit(0);
    }
}
