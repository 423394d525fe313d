// A participant of LiveKit's Node SDK: publishes a counter as picture, reads that of others and says
// what it reads, one JSON object per line. Ends when its input does.
const { Room, RoomEvent, TrackKind, LocalVideoTrack, VideoBufferType, VideoFrame, VideoSource, VideoStream,
  TrackPublishOptions, TrackSource, dispose } = require('@livekit/rtc-node');

const [url, token] = process.argv.slice(2);
const WIDTH = 640;
const HEIGHT = 360;
const FRAME_MS = 66;

const say = (fact) => process.stdout.write(`${JSON.stringify(fact)}\n`);

async function main() {
  const { i420, read } = await import('./picture.mjs');
  const room = new Room();
  room.on(RoomEvent.TrackSubscribed, async (track, _publication, participant) => {
    if (track.kind !== TrackKind.KIND_VIDEO) return;
    for await (const { frame } of new VideoStream(track)) {
      const plane = frame.type === VideoBufferType.I420 ? frame : frame.convert(VideoBufferType.I420);
      const counter = read((x, y) => plane.data[y * plane.width + x], plane.width, plane.height);
      say({ from: participant.identity, counter });
    }
  });
  room.on(RoomEvent.DataReceived, (payload, participant) => {
    say({ from: participant?.identity, data: new TextDecoder().decode(payload) });
  });
  await room.connect(url, token, { autoSubscribe: true, dynacast: false });
  say({ joined: room.localParticipant.identity });
  const source = new VideoSource(WIDTH, HEIGHT);
  const track = LocalVideoTrack.createVideoTrack('camera', source);
  let sent = 0;
  const drawing = setInterval(() => {
    sent += 1;
    source.captureFrame(new VideoFrame(i420(sent, WIDTH, HEIGHT), WIDTH, HEIGHT, VideoBufferType.I420));
  }, FRAME_MS);
  await room.localParticipant.publishTrack(track, new TrackPublishOptions({ source: TrackSource.SOURCE_CAMERA }));
  say({ published: true });
  await room.localParticipant.publishData(new TextEncoder().encode('from node'), { reliable: true });
  process.stdin.resume();
  await new Promise((resolve) => process.stdin.on('end', resolve));
  clearInterval(drawing);
  await room.disconnect();
  await dispose();
  process.exit(0);
}

main().catch((error) => {
  say({ error: error.message });
  process.exit(1);
});
