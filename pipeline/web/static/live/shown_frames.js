// Which frame a video element shows.

const HERTZ = 90000;

/** Return the time of a frame on the camera's time line, in ticks; start: from the format. */
export function ticksOf(seconds, start) {
  return Math.round(seconds * HERTZ) - start;
}

/** Return the seconds of the video at which a frame is played. */
export function secondsOf(ticks, start) {
  return (ticks + start) / HERTZ;
}

/** Call `shown(seconds)` for each frame that is shown; returns the function that ends it. */
export function eachShownFrame(video, shown) {
  let ended = false;
  if (!video.requestVideoFrameCallback) {
    const look = () => {
      if (ended) return;
      shown(video.currentTime); // close to the frame's time, where browsers say no more
      requestAnimationFrame(look);
    };
    look();
  } else {
    const look = (_, { mediaTime }) => {
      if (ended) return;
      video.requestVideoFrameCallback(look);
      shown(mediaTime);
    };
    video.requestVideoFrameCallback(look);
  }
  return () => {
    ended = true;
  };
}
